"""What the compressed frames inside a DICOM file declare, checked before any of them is decoded.

Source: ISO/IEC 10918-1 (JPEG), 14495-1 (JPEG-LS) and 15444-1 (JPEG 2000), frame and size markers.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

from medsegdiff.errors import UnreadableStudy

if TYPE_CHECKING:
    from pydicom import Dataset

JPEG_2000_SIZE = b"\xff\x4f\xff\x51"
JPEG_2000_SIZE_AT = 100_000  # boxes before the codestream are smaller
FRAME_MARKERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
END = b"\xff\xd9"
RLE = "1.2.840.10008.1.2.5"


def check_codestreams(dataset: Dataset, count: int, path: Path) -> None:
    """Refuse compressed frames that are too few, end early, or are of another size than declared.

    Args:
        dataset: with its compressed pixel data.
        count: the frames that it declares.
        path: for errors.
    """
    from pydicom.encaps import generate_frames

    found = 0
    for frame in generate_frames(dataset.PixelData, number_of_frames=count):
        found += 1
        if dataset.file_meta.TransferSyntaxUID != RLE:
            _check_frame(frame, (dataset.Rows, dataset.Columns), path)
    if found != count:
        raise UnreadableStudy(
            f"{path} declares {count} frame(s) but holds {found}. Copy it again from its source."
        )


def _check_frame(frame: bytes, declared: tuple[int, int], path: Path) -> None:
    if not frame.rstrip(b"\0").endswith(END):
        raise UnreadableStudy(
            f"{path} holds a compressed frame that ends early. Copy it again from its source."
        )
    size = codestream_size(frame)
    if size is not None and size != declared:
        raise UnreadableStudy(
            f"{path} declares {declared[0]} x {declared[1]} pixels, but its compressed frame is "
            f"{size[0]} x {size[1]}. Copy it again from its source."
        )


def codestream_size(frame: bytes) -> tuple[int, int] | None:
    """Rows and columns that a JPEG, JPEG-LS or JPEG 2000 stream declares; None where unknown."""
    start = frame.find(JPEG_2000_SIZE, 0, JPEG_2000_SIZE_AT)
    if start >= 0:
        right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
        return bottom - top, right - left
    return _jpeg_size(frame) if frame.startswith(b"\xff\xd8") else None


def _jpeg_size(frame: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 <= len(frame) and frame[place] == 0xFF:
        if frame[place + 1] in FRAME_MARKERS:
            rows, columns = struct.unpack_from(">2H", frame, place + 5)
            return rows, columns
        place += 2 + struct.unpack_from(">H", frame, place + 2)[0]
    return None
