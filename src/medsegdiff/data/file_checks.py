"""What every format checks before it believes a file: is it there, what its name says, and fits."""

from __future__ import annotations

import math
from pathlib import Path

from medsegdiff.errors import ResourceError, UnreadableStudy

MAGIC = {
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "BMP": (b"BM",),
    "NRRD": (b"NRRD000",),
    "gzip": (b"\x1f\x8b",),
}


def first_bytes(path: Path, count: int = 8) -> bytes:
    """Read how a file begins.

    Raises:
        UnreadableStudy: there is no such file, or it is empty.
    """
    if not path.is_file():
        raise UnreadableStudy(f"There is no file {path}. Check the name.")
    with path.open("rb") as file:
        start = file.read(count)
    if not start:
        raise UnreadableStudy(f"{path} is an empty file (0 bytes). Copy it again from its source.")
    return start


def check_magic(path: Path, expected: str) -> None:
    """Refuse a file that does not begin like the format of its ending.

    Args:
        path: the file.
        expected: one of the names in `MAGIC`.

    Raises:
        UnreadableStudy: it is missing, empty, of another format, or none.
    """
    if not first_bytes(path).startswith(MAGIC[expected]):
        raise not_what_it_says(path, expected)


def not_what_it_says(path: Path, expected: str) -> UnreadableStudy:
    """The error of a file whose content is of another format than its name, or of none."""
    start = first_bytes(path)
    found = next((name for name, magic in MAGIC.items() if start.startswith(magic)), None)
    if found:
        return UnreadableStudy(
            f"{path} is named like a {expected} file but is a {found} file. Give it that ending."
        )
    return UnreadableStudy(
        f"{path} is named like a {expected} file but its content is not an image. Copy it again "
        "from its source, or take it out of the folder."
    )


def unreadable(path: Path, error: Exception | str) -> UnreadableStudy:
    """The error of a file that breaks off or contradicts itself, with the reason in brackets."""
    reason = str(error).split("\n")[0] or type(error).__name__
    return UnreadableStudy(
        f"{path} is damaged or incomplete and cannot be decoded ({reason}). Copy it again from "
        "its source."
    )


def check_volume_budget(
    path: Path, shape: tuple[int, ...], channels: int, budget_bytes: int, bytes_each: int = 4
) -> None:
    """Refuse what would be larger than the budget once it is decoded.

    Args:
        path: the file.
        shape: voxels along each axis, in the order of `Geometry`.
        channels: of each voxel.
        budget_bytes: the most memory that it may take.
        bytes_each: of one number in memory; 4 for float32.

    Raises:
        ResourceError: it would be larger.
    """
    needed = math.prod(shape) * channels * bytes_each
    if needed > budget_bytes:
        raise ResourceError(
            f"{path} is {sides(shape)} voxels with {channels} channel(s) and needs "
            f"{needed / 1e9:.2f} GB of memory, more than the {budget_bytes / 1e9:.2f} GB allowed "
            "for one image. Cut it smaller, or allow more memory."
        )


def sides(shape: tuple[int, ...]) -> str:
    """A shape as viewers give it, x first: "240 x 240 x 155"."""
    return " x ".join(map(str, reversed(shape)))
