"""NIfTI: nibabel's numbers and affine, masks with the header of their image, nothing believed."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from scipy.spatial.transform import Rotation

from medsegdiff.data.formats.choice import format_of
from medsegdiff.data.formats.nifti import Nifti
from medsegdiff.data.geometry import affine_xyz, same_grid
from medsegdiff.data.volumes.nifti_header import PLACE, raw_header
from medsegdiff.errors import DataError, GridMismatch, ResourceError, UnreadableStudy

BUDGET = 2**28
RAMP = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)  # (x, y, z)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nifti")


def save(path: Path, values: np.ndarray = RAMP, **fields: object) -> Path:
    """Write values (x, y, z ...) with nibabel's own header, changed afterwards."""
    header = Nifti1Header()
    header.set_data_shape(values.shape)
    header.set_data_dtype(values.dtype)
    header["vox_offset"], header["scl_slope"], header["scl_inter"] = 352, 1, 0
    for name, value in fields.items():
        header[name] = value
    content = header.binaryblock + bytes(4) + values.tobytes(order="F")
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def random_header(seed: int) -> Nifti1Header:
    """Sheared or not, with sform, qform, both or none, either byte order, NIfTI-1 or 2."""
    random = np.random.default_rng(seed)
    kind = [Nifti1Header, Nifti2Header][seed % 5 == 0]
    header = kind(endianness="<>"[seed % 7 == 0])
    header.set_data_shape(random.integers(2, 9, [3, 4][seed % 11 == 0]))
    header.set_data_dtype(np.int16)
    header["pixdim"][1:5], header["pixdim"][0] = random.uniform(0.3, 4, 4), random.choice([-1, 1])
    for name, value in zip("bcd", random.uniform(-0.5, 0.5, 3), strict=True):
        header[f"quatern_{name}"] = value
    header["qoffset_x"], header["qoffset_y"], header["qoffset_z"] = random.normal(0, 90, 3)
    steps = Rotation.random(random_state=seed).as_matrix() * random.uniform(0.3, 4, 3)
    if seed % 2:
        steps = steps @ (np.eye(3) + np.triu(random.uniform(-0.3, 0.3, (3, 3)), 1))
    for row, name in enumerate("xyz"):
        header[f"srow_{name}"] = [*steps[row], random.normal(0, 90)]
    header["qform_code"], header["sform_code"] = random.integers(0, 5, 2) * random.integers(0, 2, 2)
    header["xyzt_units"], header["dim_info"] = random.choice([0, 2, 10]), random.integers(64)
    header["descrip"], header["scl_slope"] = b"Mustermann^Max", 1
    header["vox_offset"] = 352 if kind is Nifti1Header else 544
    return header


@given(seed=st.integers(0, 10**6))
def test_masks_have_the_place_of_their_image_bit_for_bit(folder: Path, seed: int) -> None:
    _check_place(folder, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(400))
def test_of_400_headers_all_are_copied_bit_for_bit(folder: Path, seed: int) -> None:
    _check_place(folder, seed)


def _check_place(folder: Path, seed: int) -> None:
    header, image, mask = random_header(seed), folder / "image.nii", folder / "mask.nii"
    image.write_bytes(header.binaryblock + bytes(4 + 2 * int(np.prod(header["dim"][1:5]))))
    scan = Nifti().read_image(image, BUDGET)
    np.testing.assert_array_equal(affine_xyz(scan.geometry), nib.load(image).affine)
    Nifti().write(mask, np.ones(scan.geometry.shape, np.uint8), image)
    written = raw_header(mask)
    assert all(written[name].tobytes() == header[name].tobytes() for name in PLACE)
    assert written["dim"][1:4].tobytes() == header["dim"][1:4].tobytes()
    np.testing.assert_array_equal(nib.load(mask).affine, nib.load(image).affine)


@pytest.mark.parametrize("dim", [[4, 3, 4, 5, 1, 1, 1, 1], [3, 3, 4, 5, 0, 0, 0, 0]])
@pytest.mark.parametrize("name", ["mask.nii", "mask.nii.gz"])
def test_all_that_an_image_of_one_channel_says_of_its_sides_is_copied(
    tmp_path: Path, dim: list[int], name: str
) -> None:
    image, mask = save(tmp_path / "image.nii", dim=dim), tmp_path / name
    Nifti().write(mask, RAMP.T.astype(np.uint8), image)
    assert raw_header(mask)["dim"].tolist() == dim
    np.testing.assert_array_equal(Nifti().read_mask(mask, BUDGET, None).values, RAMP.T)
    np.testing.assert_array_equal(nib.load(mask).get_fdata().reshape(RAMP.shape), RAMP)
    read = sitk.GetArrayFromImage(sitk.ReadImage(str(mask), imageIO="NiftiImageIO"))
    np.testing.assert_array_equal(read.reshape(RAMP.T.shape), RAMP.T)


def test_a_mask_has_one_channel_whatever_its_image_has(tmp_path: Path) -> None:
    image = save(tmp_path / "image.nii", np.stack([RAMP, RAMP], axis=-1))
    Nifti().write(tmp_path / "mask.nii", RAMP.T.astype(np.uint8), image)
    assert raw_header(tmp_path / "mask.nii")["dim"].tolist() == [3, 3, 4, 5, 1, 1, 1, 1]


def test_nothing_but_the_place_is_copied(folder: Path) -> None:
    image = save(folder / "secret.nii", descrip=b"Geheim^Patientin", intent_name=b"PAT-4711")
    Nifti().write(folder / "copied.nii", np.ones((5, 4, 3), np.uint8), image)
    assert b"Geheim" not in (folder / "copied.nii").read_bytes()
    assert b"PAT" not in (folder / "copied.nii").read_bytes()


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_every_type_is_read_like_nibabel(tmp_path: Path, kind: str, name: str) -> None:
    path = save(tmp_path / name, RAMP.astype(kind), scl_slope=0.5, scl_inter=-1000)
    image = Nifti().read_image(path, BUDGET).image
    np.testing.assert_array_equal(image[0], nib.load(path).get_fdata().T.astype(np.float32))
    mask = Nifti().read_mask(save(tmp_path / f"b_{name}", RAMP.astype(kind)), BUDGET, None)
    np.testing.assert_array_equal(mask.values, RAMP.T)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((6, 5), (1, 5, 6)),
        ((6, 5, 1), (1, 1, 5, 6)),
        ((6, 5, 4, 1), (1, 4, 5, 6)),
        ((6, 5, 4, 3), (3, 4, 5, 6)),
        ((6, 5, 4, 1, 2), (2, 4, 5, 6)),
        ((6, 5, 4, 1, 1, 1, 1), (1, 4, 5, 6)),
    ],
)
def test_further_axes_are_channels(tmp_path: Path, shape: tuple, expected: tuple) -> None:
    values = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    path = save(tmp_path / "a.nii.gz", values)
    scan, header = Nifti().read_image(path, BUDGET), Nifti().read_header(path, BUDGET)
    np.testing.assert_array_equal(scan.image, values.T.reshape(expected))
    assert (header.channels, *header.shape) == expected


def test_colours_are_three_channels(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    packed = values.view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    nib.save(nib.Nifti1Image(packed, np.eye(4)), tmp_path / "a.nii.gz")
    image = Nifti().read_image(tmp_path / "a.nii.gz", BUDGET).image
    np.testing.assert_array_equal(image, values.transpose(3, 2, 1, 0))


def test_a_picture_has_the_spacing_of_its_header(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", RAMP[..., 0].astype(np.int16), pixdim=[1, 0.5, 0.25] + [1] * 5)
    assert Nifti().read_header(path, BUDGET).geometry.spacing_mm == (0.25, 0.5)
    Nifti().write(tmp_path / "b.nii", np.ones((4, 3), np.uint8), path)
    assert Nifti().read_header(tmp_path / "b.nii", BUDGET).geometry.spacing_mm == (0.25, 0.5)


@pytest.mark.parametrize(("unit", "spacing"), [(0, 2.0), (2, 2.0), (10, 2.0), (3, 0.002)])
def test_lengths_are_in_millimetres(tmp_path: Path, unit: int, spacing: float) -> None:
    path = save(tmp_path / "a.nii", pixdim=[1, 2, 2, 2, 1, 1, 1, 1], xyzt_units=unit)
    assert Nifti().read_header(path, BUDGET).geometry.spacing_mm == (spacing,) * 3


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sform_code": 1, "srow_x": [np.nan, 0, 0, 0]}, "not finite"),
        ({"sform_code": 1, "srow_x": [1, 0, 0, 0], "srow_y": [1, 0, 0, 0]}, "singular"),
        ({"sform_code": 1}, "singular"),
        ({"qform_code": 1, "quatern_b": 2.0}, "damaged"),
        ({"pixdim": [1, 0, 1, 1, 1, 1, 1, 1]}, "voxels of"),
        ({"pixdim": [1, np.inf, 1, 1, 1, 1, 1, 1]}, "voxels of"),
        ({"dim": [3, 3, -4, 5, 1, 1, 1, 1]}, "sides"),
        ({"dim": [1, 60, 1, 1, 1, 1, 1, 1]}, "axes"),
        ({"dim": [4, 3, 4, 5, 2, 1, 1, 1]}, "ends early"),
        ({"dim": [5, 3, 4, 5, 2, 2, 1, 1]}, "axes besides"),
        ({"datatype": 32, "bitpix": 64}, "complex"),
        ({"datatype": 0}, "type 0"),
        ({"bitpix": 32}, "32 bits"),
        ({"vox_offset": 0}, "begin at byte"),
        ({"vox_offset": np.nan}, "begin at byte"),
        ({"vox_offset": 352.5}, "begin at byte"),
        ({"scl_slope": np.inf}, "scaling"),
        ({"scl_inter": np.nan}, "scaling"),
        ({"magic": b"ni1"}, "pair"),
        ({"magic": b""}, "Analyze"),
        ({"sizeof_hdr": 349}, "not an image"),
    ],
)
def test_headers_that_contradict_themselves_are_refused(
    tmp_path: Path, fields: dict, reason: str
) -> None:
    path = save(tmp_path / "a.nii", **fields)
    with pytest.raises(UnreadableStudy, match=rf"a\.nii.*{reason}"):
        Nifti().read_image(path, BUDGET)


@pytest.mark.parametrize("slope", [0, np.nan])
def test_a_slope_of_nothing_is_none(tmp_path: Path, slope: float) -> None:
    path = save(tmp_path / "a.nii", scl_slope=slope, scl_inter=7)
    np.testing.assert_array_equal(Nifti().read_image(path, BUDGET).image[0], RAMP.T)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_intensities_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    values = RAMP.astype(np.float64)
    values[1, 2, 3] = value
    with pytest.raises(UnreadableStudy, match="not finite"):
        Nifti().read_image(save(tmp_path / "a.nii.gz", values), BUDGET)


@pytest.mark.parametrize("value", [0.3, np.nan, 1e12])
def test_masks_hold_whole_numbers(tmp_path: Path, value: float) -> None:
    near = save(tmp_path / "a.nii", (RAMP + 0.001).astype(np.float32))
    np.testing.assert_array_equal(Nifti().read_mask(near, BUDGET, None).values, RAMP.T)
    wrong = save(tmp_path / "b.nii", np.where(RAMP == 7, value, RAMP).astype(np.float64))
    with pytest.raises(UnreadableStudy, match="whole numbers"):
        Nifti().read_mask(wrong, BUDGET, None)


def test_a_mask_of_several_channels_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", np.zeros((3, 4, 5, 2), np.uint8))
    with pytest.raises(UnreadableStudy, match="2 numbers"):
        Nifti().read_mask(path, BUDGET, None)


def test_every_flipped_bit_of_a_compressed_file_is_found(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", np.random.default_rng(0).integers(0, 99, (9, 8, 7)))
    content = path.read_bytes()
    for place in range(10, len(content), 37):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(UnreadableStudy):
            Nifti().read_image(path, BUDGET)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_file_longer_than_declared_is_refused(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, np.zeros((3, 4, 6), np.int16), dim=[3, 3, 4, 5, 1, 1, 1, 1])
    with pytest.raises(UnreadableStudy, match="longer than it declares"):
        Nifti().read_image(path, BUDGET)


def test_members_of_gzip_are_one_file_and_padding_is_none(tmp_path: Path) -> None:
    content = save(tmp_path / "a.nii").read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(content[:400]) + gzip.compress(content[400:]))
    np.testing.assert_array_equal(
        Nifti().read_image(tmp_path / "b.nii.gz", BUDGET).image[0], RAMP.T
    )
    (tmp_path / "c.nii.gz").write_bytes(gzip.compress(content) + bytes(9))
    assert Nifti().read_mask(tmp_path / "c.nii.gz", BUDGET, None).values.sum() == RAMP.sum()
    (tmp_path / "d.nii.gz").write_bytes(gzip.compress(content) + b"more")
    with pytest.raises(UnreadableStudy, match="follows"):
        Nifti().read_image(tmp_path / "d.nii.gz", BUDGET)


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
def test_twins_are_refused(tmp_path: Path, ending: str) -> None:
    save(tmp_path / "a.nii")
    save(tmp_path / "a.nii.gz")
    with pytest.raises(UnreadableStudy, match="Remove one"):
        Nifti().read_header(tmp_path / f"a.{ending}", BUDGET)


def test_content_and_ending_must_agree(tmp_path: Path) -> None:
    save(tmp_path / "a.nii").rename(tmp_path / "b.nii.gz")
    with pytest.raises(UnreadableStudy, match=r"ending \.nii,"):
        Nifti().read_image(tmp_path / "b.nii.gz", BUDGET)
    save(tmp_path / "c.nii.gz").rename(tmp_path / "d.nii")
    with pytest.raises(UnreadableStudy, match=r"ending \.nii\.gz"):
        Nifti().read_image(tmp_path / "d.nii", BUDGET)


@pytest.mark.parametrize("name", ["a.hdr", "a.img"])
def test_pairs_are_refused_with_a_way_out(tmp_path: Path, name: str) -> None:
    nib.save(nib.Nifti1Pair(RAMP.astype(np.int16), np.eye(4)), tmp_path / "a.hdr")
    assert Nifti().claims(tmp_path / name)
    with pytest.raises(UnreadableStudy, match="one file"):
        Nifti().read_header(tmp_path / name, BUDGET)


def test_what_exceeds_the_budget_is_not_inflated(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", dim=[3, 30_000, 30_000, 30_000, 1, 1, 1, 1])
    with pytest.raises(ResourceError, match="30000 x 30000 x 30000 voxels"):
        Nifti().read_image(path, BUDGET)


def test_equal_masks_are_equal_files(tmp_path: Path) -> None:
    image, values = save(tmp_path / "a.nii"), np.ones((5, 4, 3), np.uint8)
    for name in ("b.nii.gz", "c.nii.gz"):
        Nifti().write(tmp_path / name, values, image)
    assert (tmp_path / "b.nii.gz").read_bytes() == (tmp_path / "c.nii.gz").read_bytes()
    assert struct.unpack("<I", (tmp_path / "b.nii.gz").read_bytes()[4:8]) == (0,)  # no time


def test_a_mask_of_another_shape_or_in_colours_is_not_written(tmp_path: Path) -> None:
    image = save(tmp_path / "a.nii")
    with pytest.raises(GridMismatch, match="3 x 4 x 5"):
        Nifti().write(tmp_path / "b.nii", np.ones((5, 4, 4), np.uint8), image)
    with pytest.raises(DataError, match="colours"):
        Nifti().write(tmp_path / "b.nii", np.ones((5, 4, 3, 3), np.uint8), image)
    assert not (tmp_path / "b.nii").exists()


def test_real_volumes_are_read_like_nibabel(shared_data: Path) -> None:
    for path in sorted((shared_data / "mri3d_hippocampus" / "images").glob("*.nii.gz"))[:12]:
        scan, theirs = Nifti().read_image(path, BUDGET), nib.load(path)
        np.testing.assert_array_equal(affine_xyz(scan.geometry), theirs.affine)
        np.testing.assert_array_equal(scan.image[0], theirs.get_fdata().T.astype(np.float32))


def test_a_mask_of_a_dicom_series_lies_on_its_grid(shared_data: Path, tmp_path: Path) -> None:
    series, mask = shared_data / "dicom" / "ct_liver_seg" / "ct", tmp_path / "a.nii.gz"
    geometry = format_of(series).read_header(series, BUDGET).geometry
    Nifti().write(mask, np.ones(geometry.shape, np.uint8), series)
    assert same_grid(Nifti().read_header(mask, BUDGET).geometry, geometry) is None
    np.testing.assert_allclose(nib.load(mask).affine, affine_xyz(geometry), atol=1e-4)
