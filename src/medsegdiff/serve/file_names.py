"""Names of uploaded files: made harmless, and known by their endings before anything is read."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from pathlib import PurePosixPath

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
VOLUMES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
VOXELS = (".raw", ".raw.gz", ".zraw")  # beside a .nhdr or .mhd
DICOM = (".dcm", ".dicom", ".ima")
ARCHIVE = ".zip"
LONGEST = 120  # letters of a name
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # by Windows
_UNSAFE = re.compile(r"[^\w .,()+=@-]")


def parts_of(given: str) -> list[str]:
    """The folders and the name in what a client calls a file, whatever the slashes."""
    return [one for one in PurePosixPath(given.replace("\\", "/")).parts if one not in ("/", "..")]


def safe_name(given: str, fallback: str = "image") -> str:
    """A file's name without folders, hidden starts, control letters, or overlong middles.

    Letters of all scripts stay as they are.
    """
    last = unicodedata.normalize("NFC", (parts_of(given) or [fallback])[-1])
    name = _UNSAFE.sub("_", last).strip(" .") or fallback
    ending = ending_of(name)
    stem = name[: len(name) - len(ending)] or fallback
    while len((stem + ending).encode()) > LONGEST:
        stem = stem[:-1]
    return f"_{stem}{ending}" if _RESERVED.fullmatch(stem) else f"{stem}{ending}"


class Names:
    """Names that are given to files of one folder, no two alike on any system.

    A thousand files of one name cost no more than a thousand others.
    """

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._taken)

    def unused(self, name: str) -> str:
        """The name, with a number before it where it is taken already; it is taken from now on."""
        found = name
        while found.casefold() in self._taken:
            found = f"{self._taken[name.casefold()]}_{name}"
            self._taken[name.casefold()] += 1
        self._taken[found.casefold()] += 1
        return found


def ending_of(name: str) -> str:
    """The longest known ending of a name; one of any short ending else; empty without one."""
    lower = name.lower()
    known = (*PICTURES, *VOLUMES, *VOXELS, *DICOM, ARCHIVE)
    fitting = [ending for ending in known if lower.endswith(ending)]
    if fitting:
        return name[-len(max(fitting, key=len)) :]
    suffix = PurePosixPath(name).suffix
    return suffix if len(suffix) <= 10 else ""


def is_known(name: str) -> bool:
    """Whether files with this ending are taken; files without any may be DICOM."""
    ending = ending_of(name).lower()
    return ending in (*PICTURES, *VOLUMES, *VOXELS, *DICOM, ARCHIVE) or not _has_word(ending)


def _has_word(ending: str) -> bool:
    """Whether an ending is a word, and not a number as in DICOM's 1.2.840."""
    return bool(ending) and not ending[1:].isdigit()
