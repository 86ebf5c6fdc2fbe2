"""Which segments or structures of a file are read, and as which label values.

A path may lead into a file: `seg.dcm/Liver,Tumour` reads the segment Liver as 1 and Tumour as 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, unquote

from medsegdiff.errors import UnreadableStudy


def part_of(path: Path, names: Sequence[str]) -> Path:
    """The path that leads to named segments of a file, to be read as values 1, 2, ... in order."""
    return path / ",".join(quote(name, safe=" ") for name in names)


def file_and_names(path: Path) -> tuple[Path, tuple[str, ...]]:
    """The file on disk, and the names of the segments that the path leads to; none means all."""
    if not path.parent.is_file():
        return path, ()
    return path.parent, tuple(unquote(name) for name in path.name.split(","))


def folded(name: str) -> str:
    """What two spellings of one segment have in common: neither case nor spaces around matter."""
    return name.strip().lower()


def chosen_values(names: Mapping[int, str], wanted: Sequence[str], path: Path) -> dict[int, int]:
    """Give the label value of each segment that is read, by its number.

    Args:
        names: of all segments of the file, by number.
        wanted: names to read, as values 1, 2, ... in this order (case does not matter); none reads
            all under their own numbers.
        path: for errors.

    Raises:
        UnreadableStudy: the file has none of the wanted names, or its numbers cannot be labels.
    """
    if wanted:
        value_of = {folded(name): value for value, name in enumerate(wanted, start=1)}
        named = {number: folded(name) for number, name in names.items()}
        chosen = {n: value_of[name] for n, name in named.items() if name in value_of}
        if not chosen:
            raise UnreadableStudy(
                f"{path} has none of {', '.join(wanted)}; it has "
                f"{', '.join(names.values()) or 'nothing'}. Check the names."
            )
        return chosen
    if any(number < 1 for number in names):
        raise UnreadableStudy(
            f"{path} has a structure numbered {min(names)}, which would be background. Read its "
            f"structures by name; it has {', '.join(names.values())}."
        )
    return {number: number for number in names}
