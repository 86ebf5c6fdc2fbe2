"""A folder of images to predict, one file for each channel, such as nnU-Net's imagesTs.

    ROOT/X_0000.nii.gz
    ROOT/X_0001.nii.gz

The root may also be X_0000.nii.gz; the other channels are then looked for beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from medsegdiff.data.channel_files import by_channels, channel_of, is_complete
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.file_names import image_files
from medsegdiff.data.memory import PICTURE_ENDINGS
from medsegdiff.data.pairing import IMAGE_FOLDERS
from medsegdiff.data.study_files import FoundStudies, StudyFiles, count_text
from medsegdiff.errors import DataError

NNUNET_FOLDERS = ("imagesTr", "imagesTs", "imagesVal")


class NNUNetImages(FileDataset):
    """Images whose channels are files of their own, without masks."""

    name: Literal["nnunet_images"] = "nnunet_images"
    specificity: ClassVar[int] = 10

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Whether all files of a folder are channels; of pictures only under nnU-Net's names.

        Photographs are often numbered with four digits.
        """
        if not root.is_dir() or any((root / name).is_dir() for name in IMAGE_FOLDERS):
            return False
        files = image_files(root)
        if _has_pictures(files) and root.name not in NNUNET_FOLDERS:
            return False
        named = bool(files) and all(map(channel_of, files))
        return named and is_complete(by_channels(files).values())

    def find(self) -> FoundStudies:
        groups = _groups(self.root)
        if any(len(files) > 1 for files in groups.values()):  # colours may be in one file
            groups = _groups(self.root, self.channels or 1)
        if not groups:
            raise DataError(f"{self.root} holds no image named like X_0000.nii.gz.")
        studies = {study: StudyFiles(files) for study, files in groups.items()}
        note = f"{count_text(len(studies))}, one file for each channel."
        return FoundStudies(studies, findings=(note,))


def has_channel_files(path: Path, channels: int) -> bool:
    """Whether a folder, or the neighbours of X_0000, hold studies of exactly so many files.

    Pictures are believed to be channels only if the model has several and no study lacks one; of
    volumes, and under nnU-Net's names, one study that is complete is enough.
    """
    if channels == 1:
        return False
    groups = _groups(path).values()
    complete = [files for files in groups if len(files) == channels and is_complete([files])]
    folder = path.parent if path.is_file() else path
    if _has_pictures(image_files(folder)) and folder.name not in NNUNET_FOLDERS:
        return bool(complete) and len(complete) == len(groups)
    return bool(complete)


def _groups(root: Path, channels: int = 1) -> dict[str, tuple[Path, ...]]:
    """The files of each study of a folder, or of the study that one file belongs to."""
    if root.is_dir():
        return by_channels(image_files(root), channels)
    named = channel_of(root)
    groups = by_channels(image_files(root.parent), channels)
    return {named[0]: groups[named[0]]} if named else {}


def _has_pictures(files: list[Path]) -> bool:
    return any(path.name.lower().endswith(PICTURE_ENDINGS) for path in files)
