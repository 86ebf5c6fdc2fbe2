"""Headers that are lines of text before the numbers: those of NRRD and MetaImage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medsegdiff.errors import UnreadableStudy

LONGEST = 2**22  # bytes; 3D Slicer describes hundreds of segments in some hundred kilobytes
LONGEST_NAME = 255  # bytes, of a file


def read_fields(path: Path, separator: str, last: str) -> tuple[dict[str, str], int]:
    """Read lines of the form "key separator value".

    Args:
        path: the file.
        separator: between key and value; lines without it are left out.
        last: key of the last line, or "" for a blank one.

    Returns:
        Values by key as they are written, and the place of the first byte after the header.

    Raises:
        ValueError: the header does not end, or says something twice.
    """
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while file.tell() < LONGEST:
            line = file.readline(LONGEST)
            text = line.decode("utf-8", errors="replace").strip()
            key, found, value = (part.strip() for part in text.partition(separator))
            if not line.endswith(b"\n") and (not last or key != last):
                break
            if not text and not last:
                return fields, file.tell()
            if not found or text.startswith("#") or value.startswith("="):  # NRRD: "key:=value"
                continue
            if key in fields:
                raise ValueError(f"its header says twice what {key!r} is")
            fields[key] = value
            if key == last:
                return fields, file.tell()
    raise ValueError("its header ends early")


def whole_numbers(words: Sequence[str], count: int, what: str) -> tuple[int, ...]:
    """So many integers.

    Raises:
        ValueError: there are more or fewer, or others.
    """
    if len(words) != count or not all(word.lstrip("-").isdecimal() for word in words):
        raise ValueError(f"its {what} should be {count} whole number(s): {shown(words)}")
    return tuple(int(word) for word in words)


def sides_of(words: Sequence[str], count: int, what: str) -> tuple[int, ...]:
    """So many integers from 1.

    Raises:
        ValueError: there are more or fewer, or others.
    """
    sizes = whole_numbers(words, count, what)
    if min(sizes) < 1:
        raise ValueError(f"its {what} should be 1 or more: {shown(words)}")
    return sizes


def numbers(words: Sequence[str], count: int, what: str) -> list[float]:
    """So many numbers.

    Raises:
        ValueError: there are more or fewer, or others.
    """
    try:
        found = [float(word) for word in words]
    except ValueError:
        found = []
    if len(found) != count:
        raise ValueError(f"its {what} should be {count} number(s): {shown(words)}")
    return found


def shown(words: Sequence[str]) -> str:
    """Words for an error, shortened."""
    return " ".join(words)[:60]


def data_file(path: Path, name: str) -> Path:
    """The file beside a header that holds its numbers.

    Raises:
        UnreadableStudy: it is not there.
        ValueError: it is not named as a file beside the header.
    """
    is_path = Path(name).name != name or "\\" in name
    if not name or is_path or "%" in name or name == "LIST" or len(name.encode()) > LONGEST_NAME:
        raise ValueError(f"its numbers should lie in one file beside it, not in {name[:60]!r}")
    file = path.with_name(name)
    if not file.is_file():
        raise UnreadableStudy(
            f"{path} says that its numbers lie in {name}, which is not there. Copy both files."
        )
    return file
