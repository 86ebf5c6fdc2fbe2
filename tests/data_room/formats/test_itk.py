"""NRRD and MetaImage: SimpleITK's numbers and grid, read and written, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from medsegdiff.data.formats import Format
from medsegdiff.data.formats.choice import format_of
from medsegdiff.data.formats.metaimage import MetaImage
from medsegdiff.data.formats.nifti import Nifti
from medsegdiff.data.formats.nrrd import NRRD
from medsegdiff.data.geometry import LPS_TO_RAS, affine_xyz, same_grid
from medsegdiff.errors import DataError, GridMismatch, UnreadableStudy
from medsegdiff.types import Geometry

BUDGET = 2**28
RAMP = np.arange(3 * 4 * 5).reshape(3, 4, 5)  # (D, H, W)
FORMATS: dict[str, Format] = {"mha": MetaImage(), "mhd": MetaImage(), "nrrd": NRRD()}
NRRD_HEADER = """NRRD0004
type: uchar
dimension: 3
space: left-posterior-superior
sizes: 5 4 3
space directions: (1,0,0) (0,2,0) (0,0,3)
kinds: domain domain domain
encoding: raw
space origin: (10,20,30)
"""
MHA_HEADER = """ObjectType = Image
NDims = 3
BinaryData = True
TransformMatrix = 1 0 0 0 1 0 0 0 1
Offset = 10 20 30
ElementSpacing = 1 2 3
DimSize = 5 4 3
ElementType = MET_UCHAR
ElementDataFile = LOCAL
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("itk")


def placed(values: np.ndarray, seed: int, is_vector: bool = False) -> sitk.Image:
    """An image with a random place in space."""
    random, image = np.random.default_rng(seed), sitk.GetImageFromArray(values, is_vector)
    image.SetSpacing(random.uniform(0.1, 5, 3).tolist())
    image.SetOrigin(random.normal(0, 200, 3).tolist())
    image.SetDirection(Rotation.random(random_state=seed).as_matrix().ravel().tolist())
    return image


def affine_of(image: sitk.Image) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return LPS_TO_RAS @ affine


def nrrd(path: Path, *changes: tuple[str, str], content: bytes = bytes(range(60))) -> Path:
    return _written(path, NRRD_HEADER, changes, b"\n" + content)


def mha(path: Path, *changes: tuple[str, str], content: bytes = bytes(range(60))) -> Path:
    return _written(path, MHA_HEADER, changes, content)


def _written(path: Path, header: str, changes: tuple, content: bytes) -> Path:
    for old, new in changes:
        assert old in header
        header = header.replace(old, new)
    path.write_bytes(header.encode() + content)
    return path


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_every_type_is_read_like_simpleitk(
    tmp_path: Path, ending: str, kind: str, is_packed: bool
) -> None:
    path = tmp_path / f"a.{ending}"
    sitk.WriteImage(placed(RAMP.astype(kind), 1), str(path), is_packed)
    scan, header = (read(path, BUDGET) for read in _reading(ending))
    theirs = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(scan.image[0], sitk.GetArrayFromImage(theirs))
    np.testing.assert_allclose(affine_xyz(scan.geometry), affine_of(theirs), atol=1e-9)
    assert header.bits == 8 * np.dtype(kind).itemsize
    np.testing.assert_array_equal(FORMATS[ending].read_mask(path, BUDGET, None).values, RAMP)


def _reading(ending: str) -> tuple:
    return FORMATS[ending].read_image, FORMATS[ending].read_header


@pytest.mark.parametrize("ending", FORMATS)
def test_the_numbers_of_a_vector_are_channels(tmp_path: Path, ending: str) -> None:
    values, path = np.random.default_rng(0).normal(size=(3, 4, 5, 2)), tmp_path / f"a.{ending}"
    sitk.WriteImage(placed(values, 1, is_vector=True), str(path), True)
    image = FORMATS[ending].read_image(path, BUDGET).image
    np.testing.assert_array_equal(image, np.moveaxis(values, -1, 0).astype(np.float32))
    with pytest.raises(UnreadableStudy, match="2 numbers"):
        FORMATS[ending].read_mask(path, BUDGET, None)


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("ending", ["mha", "nrrd"])
@given(seed=st.integers(0, 10**6))
def test_a_mask_lies_where_its_image_lies(
    folder: Path, source: str, ending: str, seed: int
) -> None:
    image, mask = folder / f"image.{source}", folder / f"mask.{ending}"
    sitk.WriteImage(placed(RAMP.astype(np.float32), seed), str(image))
    FORMATS[ending].write(mask, (RAMP % 3).astype(np.uint8), image)
    theirs, written = sitk.ReadImage(str(image)), sitk.ReadImage(str(mask))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(written), RAMP % 3)
    for part in ("GetOrigin", "GetSpacing", "GetDirection"):
        expected = getattr(theirs, part)()
        np.testing.assert_allclose(getattr(written, part)(), expected, rtol=0, atol=1e-9)


def test_what_is_said_of_place_is_repeated_word_for_word(tmp_path: Path) -> None:
    image = nrrd(
        tmp_path / "a.nrrd", ("(10,20,30)", "(1.10e1, 20.000 ,30)"), ("(1,0,0)", "(1,0.0,-0)")
    )
    NRRD().write(tmp_path / "b.nrrd", RAMP.astype(np.uint8), image)
    written = (tmp_path / "b.nrrd").read_bytes()
    assert b"space origin: (1.10e1, 20.000 ,30)\n" in written
    assert b"space directions: (1,0.0,-0) (0,2,0) (0,0,3)\n" in written
    other = mha(tmp_path / "a.mha", ("Offset = 10 20 30", "Position = 1.10e1 20.000 30"))
    MetaImage().write(tmp_path / "b.mha", RAMP.astype(np.uint8), other)
    assert b"Offset = 1.10e1 20.000 30\n" in (tmp_path / "b.mha").read_bytes()


def test_a_mask_of_an_image_of_channels_has_the_place_without_them(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(3, 4, 5, 2))
    for ending in ("nrrd", "mha"):
        image, mask = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
        sitk.WriteImage(placed(values, 3, is_vector=True), str(image))
        FORMATS[ending].write(mask, RAMP.astype(np.uint8), image)
        np.testing.assert_array_equal(
            affine_of(sitk.ReadImage(str(mask))), affine_of(sitk.ReadImage(str(image)))
        )


@pytest.mark.parametrize("target", ["mha", "nrrd", "nii.gz"])
@pytest.mark.parametrize("source", ["mha", "nrrd", "nii.gz"])
def test_a_grid_survives_a_change_of_format(tmp_path: Path, source: str, target: str) -> None:
    image, mask = tmp_path / f"a.{source}", tmp_path / f"b.{target}"
    sitk.WriteImage(placed(RAMP.astype(np.float32), 5), str(image))
    format_of(mask).write(mask, RAMP.astype(np.uint8), image)
    one, other = (format_of(path).read_header(path, BUDGET).geometry for path in (image, mask))
    assert same_grid(one, other) is None
    np.testing.assert_allclose(affine_xyz(one), affine_xyz(other), atol=1e-4)  # NIfTI: float32


@pytest.mark.parametrize("space", ["right-anterior-superior", "RAS", "left-anterior-superior"])
def test_spaces_of_other_programs_are_read_like_simpleitk(tmp_path: Path, space: str) -> None:
    path = nrrd(tmp_path / "a.nrrd", ("left-posterior-superior", space))
    geometry = NRRD().read_header(path, BUDGET).geometry
    np.testing.assert_allclose(affine_xyz(geometry), affine_of(sitk.ReadImage(str(path))))


def test_spacings_without_directions_are_read_like_simpleitk(tmp_path: Path) -> None:
    lines = ("space directions: (1,0,0) (0,2,0) (0,0,3)", "spacings: 1 2 3")
    path = nrrd(tmp_path / "a.nrrd", lines, ("space: left-posterior-superior\n", ""))
    path.write_bytes(path.read_bytes().replace(b"space origin: (10,20,30)\n", b""))
    geometry = NRRD().read_header(path, BUDGET).geometry
    np.testing.assert_allclose(affine_xyz(geometry), affine_of(sitk.ReadImage(str(path))))
    assert geometry.spacing_mm == (3, 2, 1)


@pytest.mark.parametrize("ending", ["mha", "nrrd"])
def test_pictures_have_a_spacing_and_keep_it(tmp_path: Path, ending: str) -> None:
    picture = sitk.GetImageFromArray(RAMP[0].astype(np.int16))
    picture.SetSpacing((0.25, 0.5))
    sitk.WriteImage(picture, str(tmp_path / f"a.{ending}"))
    scan = FORMATS[ending].read_image(tmp_path / f"a.{ending}", BUDGET)
    assert scan.geometry == Geometry((4, 5), (0.5, 0.25))
    FORMATS[ending].write(tmp_path / f"b.{ending}", RAMP[0], tmp_path / f"a.{ending}")
    written = sitk.ReadImage(str(tmp_path / f"b.{ending}"))
    assert written.GetSpacing() == (0.25, 0.5)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(written), RAMP[0])


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("sizes: 5 4 3", "sizes: 5 4", "3 whole number"),
        ("sizes: 5 4 3", "sizes: 5 4 -3", "1 or more"),
        ("sizes: 5 4 3", "sizes: 5 4 4", "ends early"),
        ("sizes: 5 4 3", "sizes: 5 4 2", "longer"),
        ("sizes: 5 4 3\n", "", "sizes"),
        ("dimension: 3", "dimension: 9", "9 axes"),
        ("dimension: 3", "dimension: x", "dimension"),
        ("uchar", "block", "type"),
        ("uchar", "short", "byte order"),
        ("encoding: raw", "encoding: bzip2", "bzip2"),
        ("encoding: raw", "encoding: gzip", "incorrect header|damaged"),
        ("encoding: raw", "encoding: raw\nbyte skip: 4", "byte skip"),
        ("encoding: raw", "encoding: raw\ndata file: x.raw", "another file"),
        ("encoding: raw", "encoding: raw\nsizes: 5 4 2", "twice"),
        ("(1,0,0)", "(nan,0,0)", "finite"),
        ("(1,0,0)", "(0,0,0)", "singular"),
        ("(1,0,0)", "(0,2,0)", "singular"),
        ("(1,0,0)", "(1,0)", "vectors"),
        ("(1,0,0) (0,2,0)", "none none", "lie in space"),
        ("(1,0,0) ", "", "2 space directions"),
        ("(10,20,30)", "(10,20)", "vectors"),
        ("domain domain domain", "complex domain domain", "complex"),
    ],
)
def test_nrrd_headers_that_contradict_themselves_are_refused(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    path = nrrd(tmp_path / "a.nrrd", (old, new))
    with pytest.raises(UnreadableStudy, match=rf"a\.nrrd.*({reason})"):
        NRRD().read_image(path, BUDGET)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("NDims = 3", "NDims = 5", "5 axes"),
        ("NDims = 3", "NDims = many", "NDims"),
        ("DimSize = 5 4 3", "DimSize = 5 4 0", "1 or more"),
        ("DimSize = 5 4 3", "DimSize = 5 4 4", "ends early"),
        ("DimSize = 5 4 3", "DimSize = 5 3 3", "longer"),
        ("BinaryData = True", "BinaryData = False", "text"),
        ("BinaryData = True", "HeaderSize = -1", "HeaderSize"),
        ("BinaryData = True", "CompressedData = True", "damaged"),
        ("BinaryData = True", "CompressedData = True\nCompressedDataSize = 7", "declares 7"),
        ("MET_UCHAR", "MET_OTHER", "type"),
        ("MET_UCHAR", "MET_SHORT", "ends early"),
        ("ElementSpacing = 1 2 3", "ElementSpacing = 1 2 0", "voxels of"),
        ("ElementSpacing = 1 2 3", "ElementSpacing = 1 2", "3 number"),
        ("TransformMatrix = 1 0 0", "TransformMatrix = 0 1 0", "singular"),
        ("TransformMatrix = 1 0 0", "TransformMatrix = 1 0 inf", "finite"),
        ("Offset = 10", "Offset = ten", "Offset"),
        ("= LOCAL", "= ../other.raw", "one file beside"),
        ("= LOCAL", "= LIST", "one file beside"),
        ("= LOCAL", "= slice%03d.raw", "one file beside"),
        ("= LOCAL", "= other.raw", "not there"),
        ("ElementDataFile = LOCAL\n", "", "header ends early"),
    ],
)
def test_metaimage_headers_that_contradict_themselves_are_refused(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    path = mha(tmp_path / "a.mha", (old, new))
    with pytest.raises(UnreadableStudy, match=rf"a\.mha.*{reason}"):
        MetaImage().read_image(path, BUDGET)


def test_the_file_beside_a_header_is_read_to_its_end(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(RAMP.astype(np.int16)), str(tmp_path / "a.mhd"))
    content = (tmp_path / "a.raw").read_bytes()
    for damaged, reason in ((content[:-1], "ends early"), (content + b"x", "longer")):
        (tmp_path / "a.raw").write_bytes(damaged)
        with pytest.raises(UnreadableStudy, match=reason):
            MetaImage().read_image(tmp_path / "a.mhd", BUDGET)


@pytest.mark.parametrize("ending", ["mha", "nrrd"])
def test_every_flipped_bit_of_compressed_content_is_found(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    FORMATS[ending].write(path, np.random.default_rng(0).integers(0, 99, (9, 8, 7)), None)
    content = path.read_bytes()
    start = re.search(rb"LOCAL\n|\n\n.{10}", content, re.DOTALL)  # gzip checks no time stamp
    assert start
    for place in range(start.end(), len(content), 23):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(UnreadableStudy):
            FORMATS[ending].read_image(path, BUDGET)


def test_detached_headers_are_refused_with_a_way_out(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(RAMP.astype(np.int16)), str(tmp_path / "a.nhdr"))
    assert NRRD().claims(tmp_path / "a.nhdr")
    with pytest.raises(UnreadableStudy, match="another file"):
        NRRD().read_image(tmp_path / "a.nhdr", BUDGET)
    for chosen, name in ((NRRD(), "b.nhdr"), (MetaImage(), "b.mhd")):
        with pytest.raises(DataError, match="two files"):
            chosen.write(tmp_path / name, RAMP, None)


@pytest.mark.parametrize("ending", ["mha", "nrrd"])
def test_a_mask_of_another_shape_is_not_written(tmp_path: Path, ending: str) -> None:
    image, mask = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    FORMATS[ending].write(image, RAMP, None)
    for source in (image, _nifti(tmp_path)):
        with pytest.raises(GridMismatch, match="4 x 4 x 3"):
            FORMATS[ending].write(mask, RAMP[..., 1:], source)
    assert not mask.exists()


def _nifti(folder: Path) -> Path:
    Nifti().write(folder / "a.nii", RAMP, None)
    return folder / "a.nii"


def test_real_label_maps_lie_on_their_series(shared_data: Path) -> None:
    folder = shared_data / "dicom" / "ct_liver_seg"
    series = format_of(folder / "ct").read_header(folder / "ct", BUDGET).geometry
    for path in sorted((folder / "seg").glob("*.nrrd")):
        mask = NRRD().read_mask(path, BUDGET, None)
        theirs = sitk.ReadImage(str(path))
        np.testing.assert_array_equal(mask.values, sitk.GetArrayFromImage(theirs))
        assert same_grid(mask.geometry, series) is None
