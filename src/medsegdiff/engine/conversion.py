"""Where the files of a converted data set go, and whether they are copied or written anew."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from medsegdiff.data import LabelMap
from medsegdiff.data.dicom.series import dicom_files
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.file_names import ending_of
from medsegdiff.data.formats.choice import format_of
from medsegdiff.data.memory import PICTURE_ENDINGS
from medsegdiff.data.study_files import StudyFiles, stored_in
from medsegdiff.types import IGNORED, Sample

NNUNET_ENDINGS = (".nii.gz", ".nrrd", ".mha", ".png", ".tif", ".tiff")
IN_TWO_FILES = (".mhd", ".nhdr", ".hdr", ".img")  # a header, and the voxels in a file of their own
WHOLE_TYPES = (np.uint8, np.int16, np.uint16, np.int32)


@dataclass
class Copy(ABC):
    """A copy of a data set that is being written.

    Args:
        folder: where it is written.
        ending: what its files end in, for `dataset.json`.
        has_class_numbers: whether its masks hold class numbers, and not what the source's hold.
        classes: number of classes K, with the background.
        written: the files of each study so far.
    """

    folder: Path
    ending: str
    has_class_numbers: bool
    classes: int
    written: dict[str, list[Path]] = field(default_factory=dict)

    @abstractmethod
    def add(self, sample: Sample, files: StudyFiles) -> None:
        """Copy one study, which has been read."""

    def remove(self, study: str) -> None:
        """Take back what was written of a study that failed."""
        for path in self.written.pop(study, []):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def copied(self, study: str, source: Path, place: str) -> None:
        """Copy a file, or the files of a DICOM series, byte for byte."""
        target = self._place(study, place)
        if not source.is_dir():
            shutil.copyfile(source, target)
            return
        target.mkdir()
        for path in dicom_files(source):
            shutil.copyfile(path, target / path.name)

    def stored(self, sample: Sample, values: Shaped[Tensor, "..."], place: str) -> None:
        """Write values, shape (*S) or (H, W, 3), on the study's grid, in the smallest type."""
        path = self._place(sample.study, place)
        format_of(path).write(path, smallest(values), sample.path)

    def numbers(self, labels: Int[Tensor, "*S"]) -> Int[Tensor, "*S"]:
        """Class numbers, shape (*S), with ignored voxels as the number after the last class."""
        return torch.where(labels == IGNORED, self.classes, labels)

    def _place(self, study: str, place: str) -> Path:
        target = self.folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        self.written.setdefault(study, []).append(target)
        return target


@dataclass
class NNUNetCopy(Copy):
    """An nnU-Net raw folder: one file a channel, one ending for all, masks of class numbers.

    Args:
        test: names of the studies that are tested on.
        are_masks_numbers: whether the source's masks hold class numbers, so that they are copied.
    """

    test: Collection[str] = ()
    are_masks_numbers: bool = False

    @classmethod
    def of(cls, source: FileDataset, folder: Path, test: Collection[str]) -> NNUNetCopy:
        """Choose the ending: the source's own where nnU-Net takes it, else png or nii.gz."""
        files = [source.study_files(study) for study in source.ids()]
        endings = {ending_of(path) for one in files for path in one.images}
        ending = endings.pop() if len(endings) == 1 else ""
        if ending not in NNUNET_ENDINGS:
            ending = ".png" if {ending, *endings} <= set(PICTURE_ENDINGS) else ".nii.gz"
        numbers = holds_class_numbers(source.label_map)
        classes = source.label_map.classes if source.label_map else 0
        return cls(folder, ending, True, classes, test=test, are_masks_numbers=numbers)

    def add(self, sample: Sample, files: StudyFiles) -> None:
        is_trained_on = sample.labels is not None and sample.study not in self.test
        end = "Tr" if is_trained_on else "Ts"  # nnU-Net refuses imagesTr without labelsTr
        name = f"images{end}/{sample.study}"
        for k, path in enumerate(files.images):
            if self._is_copied(sample, files):
                self.copied(sample.study, path, f"{name}_{k:04d}{self.ending}")
        if not self._is_copied(sample, files):
            is_picture = self.ending in PICTURE_ENDINGS
            for k, channel in enumerate(as_files(sample.image) if is_picture else sample.image):
                self.stored(sample, channel, f"{name}_{k:04d}{self.ending}")
        self._add_mask(sample, files.mask, f"labels{end}/{sample.study}{self.ending}")

    def _is_copied(self, sample: Sample, files: StudyFiles) -> bool:
        is_alike = all(ending_of(path) == self.ending for path in files.images)
        is_picture = len(files.images) == 1 and sample.geometry.space_dims == 2
        return is_alike and (is_picture or len(files.images) == len(sample.image))

    def _add_mask(self, sample: Sample, mask: Path | None, place: str) -> None:
        if sample.labels is None:
            return
        if mask is not None and self.are_masks_numbers and is_plain(mask, (self.ending,)):
            self.copied(sample.study, mask, place)
        else:
            self.stored(sample, self.numbers(sample.labels), place)


@dataclass
class FoldersCopy(Copy):
    """A folder with `images/`, `masks/` and `raters/`."""

    @classmethod
    def of(cls, source: FileDataset, folder: Path) -> FoldersCopy:
        """Copy masks as they are, if each is a file of its own; else write class numbers."""
        files = [source.study_files(study) for study in source.ids()]
        masks = [path for one in files for path in (one.mask, *one.raters.values()) if path]
        ending = ending_of(files[0].images[0])
        classes = source.label_map.classes if source.label_map else 0
        return cls(folder, ending, not all(map(is_plain, masks)), classes)

    def add(self, sample: Sample, files: StudyFiles) -> None:
        self._add_image(sample, files.images)
        drawn = {
            "masks": files.mask,
            **{f"raters/{one}": path for one, path in files.raters.items()},
        }
        labels = {
            "masks": sample.labels,
            **{f"raters/{one}": m for one, m in sample.raters.items()},
        }
        for place, path in drawn.items():
            self._add_mask(sample, path, labels[place], f"{place}/{sample.study}")

    def _add_image(self, sample: Sample, paths: Sequence[Path]) -> None:
        """Copy the image file by file; where one cannot be, write it anew, channel by channel."""
        is_anew = any(ending_of(path) in IN_TWO_FILES for path in paths)
        count = len(sample.image) if is_anew else len(paths)
        for k in range(count):
            name = f"images/{sample.study}" + (f"_{k:04d}" if count > 1 else "")
            if is_anew:
                self.stored(sample, sample.image[k], f"{name}.nii.gz")
            else:
                self.copied(sample.study, paths[k], f"{name}{ending_of(paths[k])}")

    def _add_mask(
        self, sample: Sample, path: Path | None, labels: Tensor | None, place: str
    ) -> None:
        if path is None or labels is None:
            return
        if self.has_class_numbers:
            ending = ".png" if sample.geometry.space_dims == 2 else ".nii.gz"
            self.stored(sample, self.numbers(labels), place + ending)
        else:
            self.copied(sample.study, path, place + ending_of(path))


def is_plain(mask: Path, endings: Collection[str] = ()) -> bool:
    """Whether a mask is one file of its own, with one of these endings if any are given."""
    ending = ending_of(mask)
    is_whole = stored_in(mask) == mask and ending not in IN_TWO_FILES
    return is_whole and (not endings or ending in endings)


def holds_class_numbers(label_map: LabelMap | None) -> bool:
    """Whether masks hold the numbers 0 to K-1, and nothing that stands for another value."""
    if label_map is None:
        return True
    counted = label_map.values == tuple(range(label_map.classes)) and not label_map.is_noisy
    return counted and label_map.ignored in (None, label_map.classes)


def as_files(image: Float[Tensor, "C *S"]) -> list[Shaped[Tensor, "..."]]:
    """An image as nnU-Net's files: a colour picture is one, (H, W, 3); else one a channel, (*S)."""
    if image.ndim == 3 and len(image) == 3:
        return [image.permute(1, 2, 0)]
    return list(image)


def smallest(values: Shaped[Tensor, "..."]) -> np.ndarray:
    """Values as the smallest whole-number type that holds them, else as float32."""
    array = values.numpy()
    if not bool((values == values.round()).all() if torch.is_floating_point(values) else True):
        return array.astype(np.float32)
    low, high = array.min(), array.max()
    for kind in WHOLE_TYPES:
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return array.astype(kind)
    return array.astype(np.float32)
