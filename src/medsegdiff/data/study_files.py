"""Which files make up each study of a data set: what every layout on disk comes down to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medsegdiff.data.declaration import Declaration


@dataclass(frozen=True)
class StudyFiles:
    """The files of one study.

    Args:
        images: one file with all channels, or one for each channel, in order; a DICOM series counts
            as one file, its folder.
        mask: its mask; None without one.
        raters: by rater, that rater's mask.
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
    """

    studies: Mapping[str, StudyFiles]
    declaration: Declaration = field(default_factory=Declaration)
    masks_alone: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
