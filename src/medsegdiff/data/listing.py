"""Lists of studies in a JSON file or a table: names that are unique, splits by name or by fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medsegdiff.data.channel_files import channel_of
from medsegdiff.data.file_names import study_name
from medsegdiff.data.study_files import StudyFiles
from medsegdiff.errors import DataError

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class Entry:
    """One line of a list.

    Args:
        files: of the study.
        study: its name where the list gives one.
    """

    files: StudyFiles
    study: str | None = None


def lists_in(root: Path, endings: tuple[str, ...], is_list: Callable[[Path], bool]) -> list[Path]:
    """The list itself, or those of a folder.

    `dataset.json` speaks of the folder that it lies in, and is no list beside it.
    """
    if root.is_file():
        return [root]
    if not root.is_dir():
        return []
    files = (path for path in sorted(root.iterdir()) if path.suffix.lower() in endings)
    return [path for path in files if path.name != "dataset.json" and is_list(path)]


def only_list(found: Sequence[Path], root: Path) -> Path:
    """The one list that was found; the root where there is none.

    Raises:
        DataError: there are several.
    """
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise DataError(
            f"{root} holds {len(found)} lists of studies ({names}). Give one of them: {found[0]}."
        )
    return found[0] if found else root


def split_of(text: str, where: str) -> str | None:
    """The split that a word or a fold's number means: fold 0 validates, the others train.

    Args:
        text: "train", "validation", "test", "0", "1" ...; empty for none.
        where: it stands, for errors.

    Raises:
        DataError: it is neither.
    """
    word = text.strip().lower()
    if not word:
        return None
    if word.isdecimal():
        return "train" if int(word) else "val"
    if word not in SPLITS:
        raise DataError(
            f"{where} gives the split {text!r}. Give train, val or test, or the number of a fold."
        )
    return SPLITS[word]


def named(entries: Sequence[Entry], base: Path) -> dict[str, StudyFiles]:
    """Studies by name, sorted: the name that the list gives, else that of the first image.

    Images of the same name in different folders are named by their folders, too.

    Raises:
        DataError: two entries have the same name, or there is none.
    """
    if not entries:
        raise DataError(f"{base} lists no study. Check what it is.")
    images = [entry.files.images[0] for entry in entries]
    are_channels = all(channel_of(path) == (_bare(path), 0) for path in images)
    short = [_bare(path) if are_channels else study_name(path) for path in images]
    if len(set(short)) < len(short):
        short = [
            "_".join((*_folders(path, base), name))
            for path, name in zip(images, short, strict=True)
        ]
    names = [entry.study or name for entry, name in zip(entries, short, strict=True)]
    twins = [name for name, count in Counter(names).items() if count > 1]
    if twins:
        raise DataError(f"{base} lists study {twins[0]!r} more than once. Remove one or rename it.")
    found = dict(zip(names, (entry.files for entry in entries), strict=True))
    return dict(sorted(found.items()))


def _bare(path: Path) -> str:
    found = channel_of(path)
    return found[0] if found else study_name(path)


def _folders(path: Path, base: Path) -> tuple[str, ...]:
    """Folders between the list and an image."""
    try:
        return path.parent.relative_to(base.parent).parts
    except ValueError:
        return path.parent.parts[-1:]
