"""Whether a TIFF file is whole and honest, before tifffile decodes it.

tifffile fills up what is missing with zeros, inflates a strip to whatever it grows to, and follows
directories in a circle without end.

Source: TIFF 6.0, sections 2, 3 and 15; Adobe, BigTIFF.
"""

from __future__ import annotations

import lzma
import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

import tifffile

MOST_DIRECTORIES = 64  # a picture has one, and perhaps small copies of itself
BIG = 43  # version number of BigTIFF
PADDING = 3  # bytes that writers add to fill up a word
BLOCK = 2**20  # bytes inflated at a time


@runtime_checkable
class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


DECOMPRESSORS: dict[int, Callable[[], _Decompressor]] = {
    tifffile.COMPRESSION.ADOBE_DEFLATE: zlib.decompressobj,
    tifffile.COMPRESSION.DEFLATE: zlib.decompressobj,
    tifffile.COMPRESSION.LZMA: lzma.LZMADecompressor,
}


def check_directories(path: Path) -> None:
    """Refuse directories that go round in a circle, or are too many for a picture.

    Raises:
        ValueError: says which.
    """
    with path.open("rb") as file:
        order = "<" if file.read(2) == b"II" else ">"
        (version,) = struct.unpack(f"{order}H", file.read(2))
        file.seek(8 if version == BIG else 4)
        entries, offset, entry = ("Q", "Q", 20) if version == BIG else ("H", "I", 12)
        place, seen = _number(file, order + offset), set()
        while place:
            if place in seen or len(seen) == MOST_DIRECTORIES:
                raise ValueError("its directories go round in a circle, or are too many")
            seen.add(place)
            file.seek(place)
            file.seek(_number(file, order + entries) * entry, 1)
            place = _number(file, order + offset)


def _number(file: BinaryIO, form: str) -> int:
    """Read one number; 0 at the end of the file."""
    content = file.read(struct.calcsize(form))
    return struct.unpack(form, content)[0] if len(content) == struct.calcsize(form) else 0


def check_complete(page: tifffile.TiffPage, path: Path) -> None:
    """Refuse strips or tiles that lie beyond the end, or hold less or more than the page declares.

    Raises:
        ValueError: says which.
    """
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if not segments or max(map(sum, segments)) > path.stat().st_size or 0 in page.databytecounts:
        raise ValueError("its content ends early")
    if page.photometric == tifffile.PHOTOMETRIC.YCBCR:
        return  # colours may be stored at half the size
    if len(segments) != math.prod(page.chunked):
        raise ValueError(f"it declares {math.prod(page.chunked)} strips, but has {len(segments)}")
    sizes = [_sizes(page, number) for number in range(len(segments))]
    if page.compression == tifffile.COMPRESSION.NONE:
        found = [
            min(count, largest + PADDING + 1)
            for (_, count), (_, largest) in zip(segments, sizes, strict=True)
        ]
    elif page.compression in DECOMPRESSORS:
        found = _inflated(page, path, segments, [largest for _, largest in sizes])
    else:
        return
    for count, (smallest, largest) in zip(found, sizes, strict=True):
        if not smallest <= count <= largest + PADDING:
            raise ValueError("its pixels are fewer, or more, than it declares")


def _sizes(page: tifffile.TiffPage, number: int) -> tuple[int, int]:
    """The fewest and most bytes of a strip or tile; the last of several strips may be full."""
    rows, columns = page.chunks[-3:-1] if page.axes.endswith("S") else page.chunks[-2:]
    samples = page.chunks[-1] if page.axes.endswith("S") else 1
    row = (columns * samples * page.bitspersample + 7) // 8
    if page.is_tiled:
        return rows * row, rows * row
    strips = math.ceil(page.imagelength / rows)
    left = min(rows, page.imagelength - number % strips * rows)
    return left * row, (rows if strips > 1 else left) * row


def _inflated(
    page: tifffile.TiffPage, path: Path, segments: list[tuple[int, int]], largest: list[int]
) -> list[int]:
    """Bytes that each strip inflates to, counted to a little more than it may.

    Raises:
        ValueError: a strip ends early.
    """
    found = []
    with path.open("rb") as file:
        for (start, count), most in zip(segments, largest, strict=True):
            file.seek(start)
            found.append(_counted(DECOMPRESSORS[page.compression](), file.read(count), most))
    return found


def _counted(decompressor: _Decompressor, content: bytes, most: int) -> int:
    found = len(decompressor.decompress(content, most + PADDING + 1))
    if found <= most + PADDING and not decompressor.eof:
        raise ValueError("its content ends early")
    return found
