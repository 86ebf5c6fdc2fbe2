"""Which files make up each study of a data set: what every layout on disk comes down to.

A path may lead into a file that holds several masks, as into a folder: `12.xml/image-1` is the mask
of the first image in `12.xml`, `069.xml/rater-2` that of the second rater. The format that claims
such a path reads that part; `stored_in` gives the file itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import category

from medsegdiff.data.declaration import Declaration
from medsegdiff.data.dicom.patient import Patient
from medsegdiff.errors import DataError


@dataclass(frozen=True)
class StudyFiles:
    """The files of one study.

    Args:
        images: one file with all channels, or one for each channel, in order; a DICOM series counts
            as one file, its folder.
        mask: its mask, a file or a part of one; None without one.
        raters: by rater, that rater's mask, likewise.
        split: "train", "val" or "test" where the layout says so.
        group: the patient where the layout says so; None leaves it to the declaration.
    """

    images: tuple[Path, ...]
    mask: Path | None = None
    raters: Mapping[str, Path] = field(default_factory=dict)
    split: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class FoundStudies:
    """A data set as a layout finds it; nothing has been read but names and small text files.

    Args:
        studies: by name, sorted.
        declaration: what the data set says about itself, read from whatever the layout has.
        masks_alone: names of masks without an image.
        findings: what was recognised, in plain words ("an nnU-Net raw folder: 2 training studies").
        refused: why some of the studies cannot be read, by name: two files are one study.
        patients: whom the files of each study show, by name, where they say so.
    """

    studies: Mapping[str, StudyFiles]
    declaration: Declaration = field(default_factory=Declaration)
    masks_alone: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    patients: Mapping[str, Sequence[Patient]] = field(default_factory=dict)


def check_study_names(names: Iterable[str], source: Path) -> None:
    """Refuse names of studies that could lead out of the folder that results are written to.

    Args:
        names: of the studies.
        source: what names them, a list or a folder.

    Raises:
        DataError: a name is empty, "." or "..", or holds a slash or a control character.
    """
    for name in names:
        is_path = any(letter in "/\\" or category(letter) == "Cc" for letter in name)
        if is_path or name.strip() in ("", ".", ".."):
            raise DataError(
                f"{source} names a study {name!r}, but results are named for studies. Give it a "
                "name without slashes and control characters, and not '.' or '..'."
            )


def stored_in(path: Path) -> Path:
    """The file on disk that holds a mask: the path itself, or the file that it leads into."""
    return path.parent if path.parent.is_file() else path


def count_text(studies: int) -> str:
    """The number of studies in words, for a finding."""
    return "1 study" if studies == 1 else f"{studies} studies"
