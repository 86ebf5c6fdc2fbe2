"""nnU-Net's raw folder, of its first and its second version, as it is.

    ROOT/dataset.json              channel_names (or modality), labels, file_ending
    ROOT/imagesTr/X_0000.nii.gz    one file for each channel: X_0000, X_0001 ...
    ROOT/labelsTr/X.nii.gz
    ROOT/imagesTs/Y_0000.nii.gz    the test split; its masks may be in labelsTs/Y.nii.gz
    ROOT/splits.json               train, val and test; else splits_final.json, of which fold 0

Files that lie elsewhere are listed in `dataset.json`:
{"dataset": {"X": {"images": ["a.nii.gz"], "label": "b.nii.gz"}}}, relative to it.

Source: documentation/dataset_format.md of nnU-Net, Isensee et al. 2021.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from medsegdiff.data.channel_files import by_channels, channel_of
from medsegdiff.data.declaration import read_declaration, read_json
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.file_names import image_files
from medsegdiff.data.folder_tree import some
from medsegdiff.data.pairing import by_name
from medsegdiff.data.study_files import FoundStudies, StudyFiles, count_text
from medsegdiff.errors import DataError

FOLDERS = {"train": ("imagesTr", "labelsTr"), "test": ("imagesTs", "labelsTs")}


class NNUNet(FileDataset):
    """An nnU-Net raw data set."""

    name: Literal["nnunet"] = "nnunet"
    specificity: ClassVar[int] = 50

    @classmethod
    def recognises(cls, root: Path) -> bool:
        if not (root / "dataset.json").is_file():
            return False
        folders = (root / images for images, _ in FOLDERS.values())
        files = (path for folder in folders for path in _images(folder))
        return any(map(channel_of, files)) or _has_list(root)

    @property
    def _list(self) -> Path:
        return self.root / "dataset.json"

    def find(self) -> FoundStudies:
        declaration = read_declaration(self.root / "dataset.json")
        channels = max(1, len(declaration.channel_names))
        studies, alone, strange = {}, [], []
        for split, (images, labels) in FOLDERS.items():
            masks = _files(self.root / labels)
            files = _images(self.root / images)
            strange += [f"{images}/{path.name}" for path in files if channel_of(path) is None]
            groups = by_channels(files, _expected(self.root, channels))
            _refuse_twins(studies, groups, self.root)
            for study, files in groups.items():
                studies[study] = StudyFiles(files, masks.pop(study, None), split=split)
            alone += masks
        studies |= _listed(self.root)
        if not studies:
            raise DataError(
                f"{self.root} has no image named like X_0000.nii.gz in imagesTr or imagesTs. Check "
                "the names: every channel is a file, and ends in its number of four digits."
            )
        notes = [f"An nnU-Net raw folder: {_counted(studies)}."]
        if strange:
            notes.append(f"Left out, images that are not named like X_0000: {some(strange)}.")
        return FoundStudies(
            _with_fold_0(studies, self.root / "splits_final.json"),
            declaration,
            tuple(sorted(alone)),
            tuple(notes),
        )


def _expected(root: Path, channels: int) -> int:
    """Files of a study: one a channel, but natural images keep their colours in one file."""
    folders = (root / images for images, _ in FOLDERS.values())
    numbers = [len(files) for folder in folders for files in by_channels(_images(folder)).values()]
    return channels if max(numbers, default=1) > 1 else 1


def _images(folder: Path) -> list[Path]:
    return image_files(folder) if folder.is_dir() else []


def _files(folder: Path) -> dict[str, Path]:
    return by_name(_images(folder))


def _refuse_twins(
    studies: Mapping[str, StudyFiles], groups: Mapping[str, tuple[Path, ...]], root: Path
) -> None:
    both = sorted(set(studies) & set(groups))
    if both:
        raise DataError(
            f"{root} has {', '.join(both[:5])} both in imagesTr and in imagesTs. Remove one."
        )


def _has_list(root: Path) -> bool:
    try:
        return bool(_listed(root))
    except DataError:
        return False


def _listed(root: Path) -> dict[str, StudyFiles]:
    """Studies whose files `dataset.json` names one by one.

    Raises:
        DataError: an entry is not what it must be.
    """
    content = read_json(root / "dataset.json")
    listed = content.get("dataset") if isinstance(content, dict) else None
    if not isinstance(listed, dict):
        return {}
    try:
        return {str(study): _entry(root, entry) for study, entry in sorted(listed.items())}
    except (KeyError, TypeError):
        raise DataError(
            f'{root / "dataset.json"} must list studies as {{"dataset": {{"X": {{"images": '
            '["a.nii.gz"], "label": "b.nii.gz"}}}.'
        ) from None


def _entry(root: Path, entry: Mapping[str, Any]) -> StudyFiles:
    label = entry.get("label")
    images = tuple(root / name for name in entry["images"])
    return StudyFiles(images, None if label is None else root / label, split="train")


def _with_fold_0(studies: Mapping[str, StudyFiles], path: Path) -> dict[str, StudyFiles]:
    """Studies in order, those that validate in fold 0 marked so.

    Raises:
        DataError: the file is not a list of folds.
    """
    ordered = {study: studies[study] for study in sorted(studies)}
    if not path.is_file():
        return ordered
    try:
        validated = set(read_json(path)[0]["val"])
    except (KeyError, TypeError, IndexError):
        raise DataError(
            f'{path} must be [{{"train": [names], "val": [names]}}, ...], one entry for each fold.'
        ) from None
    return {
        study: replace(files, split="val") if study in validated else files
        for study, files in ordered.items()
    }


def _counted(studies: Mapping[str, StudyFiles]) -> str:
    test = sum(files.split == "test" for files in studies.values())
    return f"{count_text(len(studies) - test)} to train on, {test} to test on"
