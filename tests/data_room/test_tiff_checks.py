from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from damage.lies_picture import with_tag

from medsegdiff.data.tiff_checks import check_complete, check_directories

GREY = np.random.default_rng(0).integers(0, 60000, (40, 33), dtype=np.uint16)
COLOUR = np.random.default_rng(0).integers(0, 256, (40, 33, 3), dtype=np.uint8)
WAYS = [
    {},
    {"rowsperstrip": 7},
    {"tile": (16, 16)},
    {"bigtiff": True},
    {"byteorder": ">"},
    {"compression": "zlib"},
    {"compression": "zlib", "rowsperstrip": 7},
    {"compression": "zlib", "tile": (16, 16)},
]


def written(folder: Path, values: np.ndarray = GREY, **options: object) -> Path:
    tifffile.imwrite(folder / "a.tif", values, metadata=None, **options)
    return folder / "a.tif"


def check(path: Path) -> None:
    check_directories(path)
    with tifffile.TiffFile(path) as file:
        check_complete(file.pages.first, path)


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_whole_files_pass(tmp_path: Path, options: dict[str, object]):
    check(written(tmp_path, **options))
    check(written(tmp_path, COLOUR, photometric="rgb", **options))
    planes = np.moveaxis(COLOUR, -1, 0)
    check(written(tmp_path, planes, photometric="rgb", planarconfig="separate", **options))


def test_rows_of_single_bits_fill_up_their_bytes(tmp_path: Path):
    check(written(tmp_path, GREY > 30000))


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(("tag", "value"), [(257, 20), (257, 41), (256, 32), (258, 8), (278, 4)])
def test_a_page_that_declares_more_or_less_is_found(
    tmp_path: Path, compression: str | None, tag: int, value: int
):
    path = written(tmp_path, compression=compression)
    path.write_bytes(with_tag(path.read_bytes(), tag, value))
    with pytest.raises(ValueError, match=r"than it declares|strips"):
        check(path)


def test_a_strip_that_goes_on_and_on_is_not_inflated_to_its_end(tmp_path: Path):
    path = written(tmp_path, np.zeros((2000, 2000), dtype=np.uint8), compression="zlib")
    path.write_bytes(with_tag(with_tag(path.read_bytes(), 257, 20), 278, 20))
    with pytest.raises(ValueError, match="than it declares"):
        check(path)


def test_directories_in_a_circle_are_found(tmp_path: Path):
    path = written(tmp_path)
    content = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, first)
    struct.pack_into("<I", content, first + 2 + 12 * entries, first)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="circle"):
        check_directories(path)
