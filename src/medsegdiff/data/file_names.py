"""Names of files: which are images or masks, their endings, and what is left without them."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from medsegdiff.data.formats.choice import claiming_format, image_endings
from medsegdiff.data.reader import is_image_file


def image_files(folder: Path) -> list[Path]:
    """Images or masks in a folder, sorted: files, and folders that hold a DICOM series.

    Hidden ones and others are left out.
    """
    return sorted(path for path in folder.iterdir() if is_image(path))


def is_image(path: Path) -> bool:
    """Whether some format claims a file, or a folder that counts as one file."""
    if path.name.startswith(".") or not path.exists():
        return False
    return (path.is_file() and is_image_file(path)) or claiming_format(path) is not None


def study_name(path: Path) -> str:
    """Name without its ending; composed letters, since some systems store them decomposed."""
    return unicodedata.normalize("NFC", path.name[: len(path.name) - len(ending_of(path))])


def ending_of(path: Path) -> str:
    """The longest known ending of a file's name, in small letters; empty for folders and others."""
    name = path.name.lower()
    fitting = [ending for ending in image_endings() if name.endswith(ending)]
    return "" if path.is_dir() else max(fitting, key=len, default="")
