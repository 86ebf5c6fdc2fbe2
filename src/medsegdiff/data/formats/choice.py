"""Which format a path belongs to."""

from __future__ import annotations

from pathlib import Path

from medsegdiff.data.formats.format import Format
from medsegdiff.errors import UnreadableStudy


def claiming_format(path: Path) -> Format | None:
    """The format that claims a path, which need not exist; None if none does."""
    formats = (member() for member in Format.members.values())
    return next((one for one in formats if isinstance(one, Format) and one.claims(path)), None)


def format_of(path: Path) -> Format:
    """The format that reads a path.

    Raises:
        UnreadableStudy: there is no such file, or no format that claims it.
    """
    found = claiming_format(path)
    if found is not None:
        return found
    if not path.exists():
        raise UnreadableStudy(f"There is no file {path}. Check the name.")
    raise UnreadableStudy(
        f"{path} is not an image that can be read. Known endings: {', '.join(image_endings())}."
    )


def image_endings() -> tuple[str, ...]:
    """The endings of all formats, lower case with the dot, without repetition."""
    formats = (member for member in Format.members.values() if issubclass(member, Format))
    return tuple(dict.fromkeys(ending for one in formats for ending in one.endings))
