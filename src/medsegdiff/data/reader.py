"""Reading images and masks of any format safely: the format checks a file before it believes it.

In order: is there a file, is it what its ending says, does what it declares fit the memory, can it
be decoded to its end. Only then are its values handed on.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

from medsegdiff.data.formats import Header, Scan, StoredMask
from medsegdiff.data.formats.choice import format_of, image_endings
from medsegdiff.data.memory import default_budget
from medsegdiff.types import Geometry

__all__ = [
    "format_of",
    "image_endings",
    "is_image_file",
    "plain_stem",
    "read_header",
    "read_image",
    "read_mask",
]


def is_image_file(path: Path) -> bool:
    """Whether the name is that of an image: a known ending, and not a hidden file."""
    return path.name.lower().endswith(image_endings()) and not path.name.startswith(".")


def plain_stem(path: Path) -> str:
    """Name without its ending (`a` of `a.nii.gz`); composed letters, as some systems split them."""
    name, lower = path.name, path.name.lower()
    known = [ending for ending in image_endings() if lower.endswith(ending)]
    stem = name[: -len(max(known, key=len))] if known else path.stem
    return unicodedata.normalize("NFC", stem)


def read_header(path: Path, budget_bytes: int | None = None) -> Header:
    """Read what a file declares, without decoding it.

    Args:
        path: the file, or the folder of a DICOM series.
        budget_bytes: the most memory that it may take as float32; None for what suits this machine.

    Raises:
        UnreadableStudy: there is no such file, or it is not what its ending says.
        ResourceError: it is larger than the budget.
    """
    return format_of(path).read_header(path, _budget(path, budget_bytes))


def read_image(path: Path, budget_bytes: int | None = None) -> Scan:
    """Read the stored intensities of an image, with its grid.

    Palettes are expanded to colours, transparency is dropped, the camera's orientation and the
    file's own scaling are applied.

    Args:
        path: the file, or the folder of a DICOM series.
        budget_bytes: the most memory that the decoded image may take; None for what suits this
            machine.

    Raises:
        UnreadableStudy: the file is damaged, too small, or not what its ending says.
        ResourceError: it is larger than the budget.
    """
    return format_of(path).read_image(path, _budget(path, budget_bytes))


def read_mask(
    path: Path, budget_bytes: int | None = None, like: Geometry | None = None
) -> StoredMask:
    """Read the stored values of a mask, with its grid: palette images give their palette's indices.

    Args:
        path: the file.
        budget_bytes: as for an image.
        like: the grid of its image, for formats that store outlines or only some of the slices.

    Raises:
        UnreadableStudy: the file is damaged, holds values that are not near integers, or is not
            what its ending says.
        ResourceError: it is larger than the budget.
    """
    return format_of(path).read_mask(path, _budget(path, budget_bytes), like)


def _budget(path: Path, budget_bytes: int | None) -> int:
    return default_budget(path) if budget_bytes is None else budget_bytes
