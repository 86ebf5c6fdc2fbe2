"""A BIDS data set: brain images by subject, masks among its derivatives.

    ROOT/dataset_description.json
    ROOT/sub-01/[ses-1/]anat/sub-01_[ses-1_]T1w.nii.gz          each suffix (T1w, FLAIR ...) is a
    ROOT/sub-01/[ses-1/]anat/sub-01_[ses-1_]FLAIR.nii.gz        channel, where most sessions have it
    ROOT/derivatives/NAME/sub-01/[ses-1/]anat/sub-01_[ses-1_]..._dseg.nii.gz     or ..._mask.nii.gz
    ROOT/derivatives/NAME/desc-..._dseg.tsv                     index and name of the classes; else
    ROOT/dataset.json                                           labels ..., as in other layouts

A study is a session of a subject; subjects are never torn apart.

Source: the Brain Imaging Data Structure 1.9, Gorgolewski et al. 2016.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from medsegdiff.data.declaration import read_declaration, read_json
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.file_names import is_image, study_name
from medsegdiff.data.folder_tree import some
from medsegdiff.data.study_files import FoundStudies, StudyFiles, count_text
from medsegdiff.errors import DataError

NAME = re.compile(r"(sub-[A-Za-z0-9]+)(?:_(ses-[A-Za-z0-9]+))?_(.+)")
MASK_SUFFIXES = ("dseg", "mask")
PLACES = ("*.nii*", "*/*.nii*", "*/*/*.nii*")  # below a subject: [ses-*/][anat/]
DESCRIBED = {"Name": "name", "License": "licence", "DatasetDOI": "reference"}  # BIDS, and ours
BRAIN = "desc-brain_mask"  # of preprocessing; nobody's target where there are others

Sessions = dict[str, dict[str, Path]]  # by study, by what the name says after subject and session


class BIDS(FileDataset):
    """Subjects with their sessions, and masks from a folder of derivatives.

    Args:
        mask: which masks, where there are several kinds: the end of their names ("dseg",
            "label-lesion_mask").
    """

    name: Literal["bids"] = "bids"
    specificity: ClassVar[int] = 60
    mask: str | None = None

    @classmethod
    def recognises(cls, root: Path) -> bool:
        subjects = list(root.glob("sub-*/")) if root.is_dir() else []
        is_described = (root / "dataset_description.json").is_file()
        return bool(subjects) and (is_described or any(root.glob("sub-*/**/anat/")))

    def find(self) -> FoundStudies:
        images = _sessions(_anatomical(self.root))
        if not images:
            raise DataError(f"{self.root} has no image like sub-01/anat/sub-01_T1w.nii.gz.")
        masks = _sessions(_nifti(self.root.glob("derivatives/*/sub-*/")))
        channels, notes = _channels(images, self.channels)
        kind = self._kind(masks)
        studies = {
            study: StudyFiles(
                images=tuple(_path(study, files, channel) for channel in channels),
                mask=masks.get(study, {}).get(kind) if set(channels) <= set(files) else None,
                group=study.split("_")[0],
            )
            for study, files in sorted(images.items())
        }
        declared = read_declaration(self.root / "dataset.json")
        declared = declared.model_copy(
            update={
                "channel_names": declared.channel_names or channels,
                "labels": declared.labels or _named_classes(self.root),
                **_described(self.root / "dataset_description.json"),
                **declared.provenance,
            }
        )
        note = f"A BIDS data set: {count_text(len(studies))}; channels {', '.join(channels)}."
        alone = tuple(sorted(study for study in masks if study not in images))
        return FoundStudies(studies, declared, alone, (note, *notes))

    def _kind(self, masks: Sessions) -> str:
        """The kind of masks to take, by the end of their names.

        Raises:
            DataError: there are several, and none was chosen.
        """
        found = {kind for files in masks.values() for kind in files}
        kinds = sorted(kind for kind in found if kind.endswith(MASK_SUFFIXES))
        targets = [kind for kind in kinds if kind != BRAIN] or kinds
        if self.mask is not None:
            targets = [kind for kind in kinds if kind.endswith(self.mask)]
        if len(targets) > 1:
            raise DataError(
                f"{self.root} has several kinds of masks: {', '.join(targets)}. Say which: keep "
                "only those in derivatives/, or give `mask` to the data set."
            )
        return targets[0] if targets else ""


def _described(path: Path) -> dict[str, Any]:
    """Name, licence and reference of the data, as BIDS words them; empty without the file."""
    content = read_json(path) if path.is_file() else {}
    return {
        ours: content[theirs]
        for theirs, ours in DESCRIBED.items()
        if isinstance(content, dict) and content.get(theirs)
    }


def _named_classes(root: Path) -> dict[str, int] | None:
    """Class numbers by name from a table among the derivatives; None without one.

    Raises:
        DataError: it has no columns "index" and "name".
    """
    path = next(iter(sorted(root.glob("derivatives/*/*dseg.tsv"))), None)
    if path is None:
        return None
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    try:
        classes = {row["name"]: int(row["index"]) for row in rows}
    except (KeyError, ValueError, TypeError):
        raise DataError(f'{path} must have the columns "index" and "name".') from None
    return classes if 0 in classes.values() else {"background": 0, **classes}


def _anatomical(root: Path) -> list[Path]:
    found = _nifti(root.glob("sub-*/"))
    return [path for path in found if path.parent.name == "anat"] or found


def _nifti(folders: Iterable[Path]) -> list[Path]:
    found = {path for folder in folders for place in PLACES for path in folder.glob(place)}
    return sorted(path for path in found if is_image(path))


def _sessions(files: Iterable[Path]) -> Sessions:
    """Sort files by session and by what they show.

    Raises:
        DataError: two files show the same.
    """
    found: Sessions = defaultdict(dict)
    for path in files:
        named = NAME.fullmatch(study_name(path))
        if named is None:
            continue
        subject, session, shown = named.groups()
        study = f"{subject}_{session}" if session else subject
        if shown in found[study]:
            raise DataError(
                f"{found[study][shown]} and {path} are both {shown} of {study}. Remove one."
            )
        found[study][shown] = path
    return dict(found)


def _path(study: str, files: Mapping[str, Path], channel: str) -> Path:
    """The file of a channel; a missing one under the name that it should have."""
    other = next(iter(files.values()))
    ending = other.name[len(study_name(other)) :]
    return files.get(channel, other.with_name(f"{study}_{channel}{ending}"))


def _channels(
    sessions: Mapping[str, Mapping[str, Path]], wanted: int | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What most sessions show, and notes on what only some do.

    Args:
        sessions: files by session, by what they show.
        wanted: how many channels a model has; the most frequent ones are taken, where that is no
            choice between equals.

    Raises:
        DataError: nothing is shown by most.
    """
    counts = Counter(shown for files in sessions.values() for shown in files)
    channels = {shown for shown, count in counts.items() if 2 * count > len(sessions)}
    ranked = [*counts.most_common(), ("", 0)]
    if wanted and wanted < len(ranked) and ranked[wanted - 1][1] > ranked[wanted][1]:
        channels = {shown for shown, _ in ranked[:wanted]}
    chosen = tuple(sorted(channels))
    rest = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
    if not channels:
        raise DataError(
            f"No image is there for most of the {len(sessions)} sessions: {rest}. Take out the "
            "sessions that lack one."
        )
    return chosen, tuple(_notes(sessions, counts, chosen))


def _notes(
    sessions: Mapping[str, Mapping[str, Path]], counts: Mapping[str, int], channels: Sequence[str]
) -> Iterator[str]:
    rest = [f"{name} ({count})" for name, count in sorted(counts.items()) if name not in channels]
    if rest:
        yield f"Left out, because only some sessions have them: {', '.join(rest)}."
    lacking = [
        f"{study} without {' and '.join(name for name in channels if name not in files)}"
        for study, files in sorted(sessions.items())
        if not set(channels) <= set(files)
    ]
    if lacking:
        yield f"Not whole, and so left out of training: {some(lacking)}."
