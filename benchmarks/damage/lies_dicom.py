"""DICOM objects whose elements lie, are missing, or hold what cannot be.

Source: DICOM PS3.3, C.7.6.2, C.7.6.3 and C.7.6.16.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from damage.dicom_objects import changed
from damage.study import PLAUSIBLE, Expected, Lie

DEFLATED = "1.2.840.10008.1.2.1.99"
BASIC_TEXT_REPORT = "1.2.840.10008.5.1.4.1.1.88.11"
BESIDE = "other objects, as segmentations, may lie beside the pictures of a series"
NO_PLACE = "frames may have no place in the patient, as those of ultrasound"
PDF = "1.2.840.10008.5.1.4.1.1.104.1"
GROUP_LENGTH_AT = 140  # bytes; preamble, DICM, and the head of element (0002,0000)
Change = Callable[[Dataset], object]


def _set(keyword: str, value: Any, item: Change = lambda made: made) -> Change:
    def change(made: Dataset) -> None:
        setattr(item(made), keyword, value)

    return change


def _gone(keyword: str, item: Change = lambda made: made) -> Change:
    return lambda made: delattr(item(made), keyword)


def _lie(says: str, change: Change, expected: Expected = Expected.REFUSED, reason: str = "") -> Lie:
    return Lie(says, partial(changed, change=change), expected, reason)


def _value(keyword: str, value: Any, *more: Any) -> Lie:
    return _lie(f"{keyword} = {value}", _set(keyword, value), *more)


def _missing(keyword: str) -> Lie:
    return _lie(f"no {keyword}", _gone(keyword))


def _syntax(name: str, uid: str) -> Lie:
    return Lie(f"transfer syntax = {name}", lambda content: _with_syntax(content, uid))


def _with_syntax(content: bytes, uid: str) -> bytes:
    """Say that plain pixels are stored in another way; they stay as they are."""
    found = re.search(rb"\x02\x00\x10\x00UI(..)", content, re.S)
    assert found is not None
    old = int.from_bytes(found[1], "little")
    new = uid.encode() + b"\0" * (len(uid) % 2)
    length = int.from_bytes(content[GROUP_LENGTH_AT : GROUP_LENGTH_AT + 4], "little")
    changed = content[: found.start(1)] + struct.pack("<H", len(new)) + new
    changed += content[found.end() + old :]
    longer = struct.pack("<I", length + len(new) - old)
    return changed[:GROUP_LENGTH_AT] + longer + changed[GROUP_LENGTH_AT + 4 :]


def _worded(keyword: str, item: Change = lambda made: made) -> Lie:
    """A word where numbers belong."""
    word = DataElement(keyword, "LO", "middling")
    return _lie(f"{keyword} = a word", lambda made: item(made).add(word))


PIXELS: tuple[Lie, ...] = (
    *(_value("Rows", rows) for rows in (0, 19, 21, 200, 65535)),
    *(_value("Columns", columns) for columns in (0, 15, 17, 160, 65535)),
    *(_value("BitsAllocated", bits) for bits in (0, 1, 7, 8, 32, 64, 65535)),
    *(_value("BitsStored", bits) for bits in (0, 17, 65535)),
    *(_value("SamplesPerPixel", count) for count in (0, 3, 65535)),
    *(_value("PhotometricInterpretation", name) for name in ("RGB", "PALETTE COLOR", "OTHER", "")),
    _value("PixelRepresentation", 0, Expected.UNKNOWABLE, PLAUSIBLE),
    *(_missing(name) for name in ("Rows", "Columns", "BitsAllocated", "SOPClassUID")),
    *(_missing(name) for name in ("PixelData", "PhotometricInterpretation")),
    _lie("pixel data without content", _set("PixelData", b"")),
    _lie("a voxel's pixel data is gone", lambda made: _cut(made, 2)),
    _lie("half of the pixel data is gone", lambda made: _cut(made, len(made.PixelData) // 2)),
    *(_value("NumberOfFrames", count) for count in (-1, 0, 7, 2**31 - 1)),
    _value("SOPClassUID", BASIC_TEXT_REPORT, Expected.NEVER_WRONG),
)


def _cut(made: Dataset, count: int) -> None:
    made.PixelData = made.PixelData[:-count]


def _report(made: Dataset) -> None:
    made.SOPClassUID = PDF
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelData"):
        delattr(made, keyword)


PLACES: dict[str, tuple[Any, ...]] = {
    "PixelSpacing": ([0, 0], [-1, 1], ["nan", "nan"], ["inf", 1], [1]),
    "ImageOrientationPatient": (
        [0] * 6,
        ["nan"] * 6,
        [1, 0, 0, 1, 0, 0],
        [2, 0, 0, 0, 2, 0],
        [1, 0, 0],
    ),
    "ImagePositionPatient": (["nan", 0, 0], ["inf", 0, 0], [0, 0]),
}
RESCALE: tuple[Lie, ...] = (
    *(_value("RescaleSlope", text) for text in ("nan", "inf")),
    *(_value("RescaleIntercept", text) for text in ("nan", "-inf")),
    _value("RescaleSlope", 0),
    _value("RescaleSlope", "1e300"),
)
SLICE: tuple[Lie, ...] = (
    *PIXELS,
    _lie("an object without a picture", lambda made: _report(made), Expected.UNKNOWABLE, BESIDE),
    *RESCALE,
    *(_worded(keyword) for keyword in (*PLACES, "RescaleSlope", "RescaleIntercept")),
    *(_value(keyword, value) for keyword, values in PLACES.items() for value in values),
    *(_missing(keyword) for keyword in PLACES),
)


def _shared(made: Dataset) -> Dataset:
    return made.SharedFunctionalGroupsSequence[0]


def _item_of(keyword: str) -> Change:
    """Where an enhanced object keeps what a slice says about its place."""
    holders: dict[str, Change] = {
        "PixelSpacing": lambda made: _shared(made).PixelMeasuresSequence[0],
        "ImageOrientationPatient": lambda made: _shared(made).PlaneOrientationSequence[0],
        "ImagePositionPatient": lambda made: made.PerFrameFunctionalGroupsSequence[
            2
        ].PlanePositionSequence[0],
    }
    return holders[keyword]


def _held(keyword: str) -> tuple[str, Change]:
    return keyword, _item_of(keyword)


MULTI_FRAME: tuple[Lie, ...] = (
    *PIXELS,
    _lie("an object without a picture", lambda made: _report(made)),
    *(
        _lie(f"{keyword} = {value}", _set(keyword, value, _item_of(keyword)))
        for keyword, values in PLACES.items()
        for value in values
    ),
    _lie("a frame without ImagePositionPatient", _gone(*_held("ImagePositionPatient"))),
    *(
        _lie(f"no {keyword}", _gone(*_held(keyword)), Expected.UNKNOWABLE, NO_PLACE)
        for keyword in ("PixelSpacing", "ImageOrientationPatient")
    ),
    *(_worded(keyword, _item_of(keyword)) for keyword in PLACES),
    _lie(
        "one frame is not described",
        lambda made: made.PerFrameFunctionalGroupsSequence.pop(),
    ),
    _lie(
        "two frames at one place",
        lambda made: _move(made, 3, 2),
    ),
    _lie("a frame out of line", lambda made: _move(made, 3, 2, 0.5)),
    _syntax("deflated", DEFLATED),
    _syntax("JPEG 2000", JPEG2000Lossless),
    _syntax("JPEG", JPEGBaseline8Bit),
    _syntax("RLE", RLELossless),
    _syntax("MPEG", "1.2.840.10008.1.2.4.100"),
    _syntax("unknown", "1.2.3.4.5"),
)


def _move(made: Dataset, frame: int, to: int, by: float = 0) -> None:
    """Put one frame beside another."""
    groups = made.PerFrameFunctionalGroupsSequence
    x, y, z = groups[to].PlanePositionSequence[0].ImagePositionPatient
    groups[frame].PlanePositionSequence[0].ImagePositionPatient = [x, y, z + by]
