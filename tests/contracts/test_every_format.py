"""Whatever format there is: it reads what was stored, and believes no file before checking it."""

from __future__ import annotations

import gzip
import re
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from medsegdiff.data.formats import Format
from medsegdiff.errors import DataError, MedSegDiffError, ResourceError, UnreadableStudy
from medsegdiff.types import Geometry

BUDGET = 2**28
SECONDS, BYTES = 2.0, 2**23  # what refusing a bomb may take
SHIPPED = {
    name: member
    for name, member in Format.members.items()
    if member.__module__.startswith("medsegdiff.")
}
PICTURES = {"picture": ["a.png"], "tiff": ["a.tif"]}
VOLUMES = {"nifti": ["a.nii", "a.nii.gz"], "metaimage": ["a.mha"], "nrrd": ["a.nrrd"]}
DICOM = {"dicom": ["a.dcm"]}
DRAWN = {  # outlines and parts of a mask, which need the grid of an image
    "ddti": "a.xml/image-1",
    "dicom_seg": "a.dcm",
    "lidc": "a.xml/rater-1",
    "rtstruct": "a.dcm",
}
STORED = [
    (name, file) for name, files in {**PICTURES, **VOLUMES, **DICOM}.items() for file in files
]
every_file = pytest.mark.parametrize(("name", "file"), STORED)
every_writable_file = pytest.mark.parametrize(
    ("name", "file"), [one for one in STORED if one[0] != "dicom"]
)


def member(name: str) -> Format:
    found = Format.named(name)()
    assert isinstance(found, Format)
    return found


def asymmetric(name: str) -> np.ndarray:
    """A mask that no exchange or mirroring of axes leaves as it is."""
    values = np.zeros((10, 11, 12) if name in VOLUMES else (11, 12), dtype=np.uint8)
    values[..., 2:4, 5:11] = 1
    values[..., 4:9, 5:6] = 2
    if values.ndim == 3:
        values[6:] = 0
        values[4] = np.arange(11 * 12).reshape(11, 12)
    return values


def stored(folder: Path, name: str, file: str) -> Path:
    """A file of the format with random numbers, which do not compress."""
    path = folder / file
    size = (10, 11, 12) if name in VOLUMES else (40, 50)
    values = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    if name == "dicom":
        _dicom_picture(values).save_as(path, enforce_file_format=True)
    else:
        member(name).write(path, values, None)
    return path


def _dicom_picture(values: np.ndarray) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.Rows, dataset.Columns = values.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = values.tobytes()
    return dataset


def test_every_format_is_held_to_this_contract() -> None:
    assert set(SHIPPED) == {*PICTURES, *VOLUMES, *DICOM, *DRAWN}, "name a file for the new format"


@every_file
def test_a_format_claims_its_endings_in_any_case(name: str, file: str, tmp_path: Path) -> None:
    path = stored(tmp_path, name, file)
    claiming = [one for one in SHIPPED if member(one).claims(path)]
    assert claiming == [name]
    assert member(name).claims(tmp_path / "not" / "there" / file.upper())


@every_writable_file
def test_what_is_written_is_read_on_the_same_grid(name: str, file: str, tmp_path: Path) -> None:
    values, path, chosen = asymmetric(name), tmp_path / file, member(name)
    chosen.write(path, values, None)
    mask, scan = chosen.read_mask(path, BUDGET, None), chosen.read_image(path, BUDGET)
    np.testing.assert_array_equal(mask.values, values)
    np.testing.assert_array_equal(scan.image.numpy(), values[None].astype(np.float32))
    shapes = {chosen.read_header(path, BUDGET).shape, mask.geometry.shape, scan.geometry.shape}
    assert shapes == {values.shape}


def _unequal_pixels(path: Path) -> Path:
    """A picture of pixels 0.5 mm high and 2 mm wide, by nibabel."""
    image = nib.nifti1.Nifti1Image(np.zeros((12, 11), np.uint8), np.diag([2.0, 0.5, 1.0, 1.0]))
    nib.loadsave.save(image, path)
    return path


@every_writable_file
def test_pixels_that_are_not_square_stay_as_they_are(name: str, file: str, tmp_path: Path) -> None:
    chosen, path = member(name), tmp_path / file
    chosen.write(path, np.ones((11, 12), np.uint8), _unequal_pixels(tmp_path / "source.nii"))
    spacings = {
        chosen.read_header(path, BUDGET).geometry.spacing_mm,
        chosen.read_mask(path, BUDGET, None).geometry.spacing_mm,
    }
    assert spacings == {(0.5, 2.0) if name in VOLUMES else None}  # pictures do not say


@every_writable_file
def test_a_failed_write_leaves_nothing(name: str, file: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=file):
        member(name).write(tmp_path / file, np.zeros((2, 3, 4, 5), np.uint8), None)
    assert list(tmp_path.iterdir()) == []


@every_file
@pytest.mark.parametrize("twelfths", range(12))
def test_a_truncated_file_is_refused(name: str, file: str, twelfths: int, tmp_path: Path) -> None:
    path = stored(tmp_path, name, file)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * twelfths // 12])
    for read in (member(name).read_image, lambda *given: member(name).read_mask(*given, None)):
        with pytest.raises(UnreadableStudy, match=file):
            read(path, BUDGET)


@every_file
@pytest.mark.parametrize("content", [b"", b"this is a note", b"GIF89a" + bytes(600), bytes(4096)])
def test_a_file_that_is_none_is_refused(
    name: str, file: str, content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / file
    path.write_bytes(content)
    for read in (member(name).read_header, member(name).read_image):
        with pytest.raises(UnreadableStudy, match=file):
            read(path, BUDGET)


@every_file
def test_no_file_and_a_folder_are_refused(name: str, file: str, tmp_path: Path) -> None:
    (tmp_path / "folder" / file).mkdir(parents=True)
    for path in (tmp_path / file, tmp_path / "folder" / file):
        with pytest.raises(UnreadableStudy, match=file):
            member(name).read_header(path, BUDGET)


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_on_a_grid_is_refused_where_it_is_no_file(name: str, tmp_path: Path) -> None:
    path, grid = tmp_path / DRAWN[name], Geometry((3, 20, 20), (1.0, 1.0, 1.0))
    file = path.parent if path.parent != tmp_path else path
    for content in (None, b"", b"this is a note", bytes(600)):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(MedSegDiffError, match=file.name):
            member(name).read_mask(path, BUDGET, grid)


@every_file
def test_what_exceeds_the_budget_is_refused(name: str, file: str, tmp_path: Path) -> None:
    path = stored(tmp_path, name, file)
    for read in (member(name).read_header, member(name).read_image):
        with pytest.raises(ResourceError, match=file):
            read(path, 1000)


def _png_bomb(path: Path) -> None:
    size = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    chunks = [(len(body) - 4, body, zlib.crc32(body)) for body in (size, b"IDAT", b"IEND")]
    packed = [struct.pack(">I", n) + body + struct.pack(">I", crc) for n, body, crc in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))


def _tiff_bomb(path: Path) -> None:
    content = path.read_bytes()
    for tag, side in ((256, 50), (257, 40)):  # width and height of `stored`
        as_written = struct.pack("<HHII", tag, 4, 1, side)
        assert as_written in content
        content = content.replace(as_written, struct.pack("<HHII", tag, 4, 1, 50_000))
    path.write_bytes(content)


def _nifti_bomb(path: Path) -> None:
    is_packed = path.suffix == ".gz"
    content = path.read_bytes()
    content = bytearray(gzip.decompress(content) if is_packed else content)
    content[40:56] = struct.pack("<8h", 3, 30_000, 30_000, 30_000, 1, 1, 1, 1)
    path.write_bytes(gzip.compress(content + bytes(2**26)) if is_packed else content)


def _text_bomb(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(re.sub(rb"12 11 10", b"30000 30000 30000", content, count=1))


def _dicom_bomb(path: Path) -> None:
    dataset = pydicom.dcmread(path)
    dataset.Rows = dataset.Columns = 60_000
    dataset.save_as(path)


BOMBS: dict[str, Callable[[Path], None]] = {
    "picture": _png_bomb,
    "tiff": _tiff_bomb,
    "nifti": _nifti_bomb,
    "metaimage": _text_bomb,
    "nrrd": _text_bomb,
    "dicom": _dicom_bomb,
}


@every_file
def test_a_bomb_is_refused_quickly_and_in_little_memory(
    name: str, file: str, tmp_path: Path
) -> None:
    path = stored(tmp_path, name, file)
    member(name).read_image(path, BUDGET)  # what is imported on the way does not count
    BOMBS[name](path)
    for read in (member(name).read_image, lambda *given: member(name).read_mask(*given, None)):
        tracemalloc.start()
        began = time.perf_counter()
        with pytest.raises(ResourceError, match=file):
            read(path, BUDGET)
        seconds, (_, most) = time.perf_counter() - began, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert seconds < SECONDS
        assert most < BYTES


@pytest.mark.parametrize(("name", "file"), [one for one in STORED if one[0] in VOLUMES])
def test_content_that_inflates_beyond_its_header_is_not_inflated(
    name: str, file: str, tmp_path: Path
) -> None:
    path = stored(tmp_path, name, file)
    head, local, packed = path.read_bytes().partition(b"LOCAL\n")
    zeros = bytes(2**27)
    if name == "metaimage":
        packed = zlib.compress(zlib.decompress(packed) + zeros)
        head = re.sub(rb"CompressedDataSize = \d+\n", b"", head)
    else:
        packed = gzip.compress(zeros)
    path.write_bytes(head + local + packed)
    tracemalloc.start()
    with pytest.raises(UnreadableStudy, match=file):
        member(name).read_image(path, BUDGET)
    assert tracemalloc.get_traced_memory()[1] < BYTES
    tracemalloc.stop()
