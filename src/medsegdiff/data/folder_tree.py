"""Looking through a data set's folders as they were unpacked: in order, without system files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

SPLITS = ("train", "val", "test")
SYSTEM_FOLDERS = ("__MACOSX", "@eaDir", "$RECYCLE.BIN")


def folders_below(root: Path, depth: int) -> Iterator[Path]:
    """Yield a folder and those below it, parents first and by name; hidden ones are left out.

    Args:
        root: where to begin; nothing is yielded for a file.
        depth: levels below `root` to go into.
    """
    if not root.is_dir():
        return
    yield root
    if depth > 0:
        with os.scandir(root) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
        for name in names:
            if not name.startswith(".") and name not in SYSTEM_FOLDERS:
                yield from folders_below(root / name, depth - 1)


def files_in(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    """Files directly in a folder with one of these endings (lower case), by name; none hidden."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.name.lower().endswith(endings) and path.name[0] != "." and path.is_file()
    )


def split_named(folder: Path, root: Path) -> str | None:
    """The split that the names of the folders from `root` down to `folder` say, the last first."""
    for name in reversed(folder.relative_to(root).parts):
        found = re.search("|".join(SPLITS), name.lower())
        if found:
            return found[0]
    return None


def some(names: list[str]) -> str:
    """Some of several names, and how many there are, for a message."""
    return f"{len(names)} ({', '.join(names[:5])}{' ...' if len(names) > 5 else ''})"
