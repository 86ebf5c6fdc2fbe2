"""A folder with `images/` and `masks/`, paired by name.

    ROOT/images/a.jpg      or img/
    ROOT/masks/a.png       or gt/; also a_mask.png, a_Segmentation.png, a_seg.png;
                           not needed to predict
    ROOT/raters/r1/a.png   the same from each of several raters
    ROOT/splits.json       {"train": [...], "val": [...], "test": [...]}
    ROOT/dataset.json      channel_names, labels, label_values, colors, groups or group_pattern

A folder of images alone, or one image, is a data set without masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor
from typing_extensions import Self

from medsegdiff.data.channels import with_channels
from medsegdiff.data.dataset import Dataset
from medsegdiff.data.declaration import Declaration, read_declaration, read_splits
from medsegdiff.data.formats import Header
from medsegdiff.data.labels import LabelMap
from medsegdiff.data.memory import PICTURE_BYTES
from medsegdiff.data.pairing import FolderFiles, find_files
from medsegdiff.data.reader import read_header, read_image, read_mask
from medsegdiff.data.splits import Splits
from medsegdiff.errors import DataError, GridMismatch, MedSegDiffError, UnreadableStudy
from medsegdiff.types import Geometry, Sample

MASKS_LOOKED_AT = 512  # enough to recognise the label values of any set; `verify` reads all
CHANNEL_NAMES = {1: ("grey",), 3: ("red", "green", "blue")}


class Folder(Dataset):
    """Images and masks in two folders, paired by name and never by position.

    Args:
        root: the folder, or one image file.
        channels: image channels to deliver, 1 or 3; None for what the files hold. Grey is expanded
            to three equal channels; colour is never reduced to grey unless it shows none.
        with_masks: whether masks are looked for; they are neither needed nor read to predict.
        budget_bytes: the most memory that one decoded image may take.
    """

    name: Literal["folder"] = "folder"
    root: Path
    channels: Literal[1, 3] | None = None
    with_masks: bool = True
    budget_bytes: int = PICTURE_BYTES

    @classmethod
    def of_images(cls, path: Path, channels: int | None = None) -> Self:
        """Open an image, or a folder of images, to predict on.

        Raises:
            DataError: there is no image.
        """
        folder = cls.model_validate({"root": path, "channels": channels, "with_masks": False})
        folder.ids()
        return folder

    def ids(self) -> list[str]:
        return list(self._files.images)

    def annotated_ids(self) -> list[str]:
        return [study for study in self._files.images if study in self._files.masks]

    def load(self, study: str) -> Sample:
        path = self._files.images.get(study)
        if path is None:
            raise UnreadableStudy(f"There is no study {study!r} in {self.root}.")
        image = self._with_channels(read_image(path, self.budget_bytes).image, path)
        shape = tuple(image.shape[1:])
        mask = self._files.masks.get(study)
        return Sample(
            study=study,
            image=image,
            geometry=Geometry(shape=shape),
            labels=None if mask is None else self._labels(mask, path, shape),
            raters={
                rater: self._labels(self._files.raters[rater][study], path, shape)
                for rater in self.raters(study)
            },
            path=path,
            group=self.group(study),
        )

    def shape(self, study: str) -> tuple[int, ...]:
        return self.header(study).shape

    def files(self, study: str) -> tuple[Path, ...]:
        drawn = (self._files.masks, *self._files.raters.values())
        masks = [by_study[study] for by_study in drawn if study in by_study]
        return (self._files.images[study], *masks)

    def raters(self, study: str) -> tuple[str, ...]:
        return tuple(rater for rater, drawn in self._files.raters.items() if study in drawn)

    @property
    def channel_names(self) -> tuple[str, ...]:
        return self._channel_names

    @cached_property
    def _channel_names(self) -> tuple[str, ...]:
        declared = self._declared.channel_names
        count = self.channels or len(declared) or max(self._channel_counts, default=1)
        if len(declared) == count:
            return declared
        return CHANNEL_NAMES.get(count) or tuple(f"channel_{index}" for index in range(count))

    @property
    def label_map(self) -> LabelMap | None:
        return self._recognised[0]

    @property
    def findings(self) -> tuple[str, ...]:
        found = list(self._recognised[1])
        if len(self._channel_counts) > 1:
            delivered = "colour" if len(self.channel_names) == 3 else "grey"
            found.append(f"Grey and colour images are mixed; all are read as {delivered}.")
        annotated = self.annotated_ids()
        missing = sorted(set(self.ids()) - set(annotated)) if annotated else []
        if missing:
            found.append(f"Without a mask, and so left out of training: {_some(missing)}.")
        if self.masks_without_image:
            found.append(f"Masks without an image: {_some(self.masks_without_image)}.")
        return tuple(found)

    @property
    def masks_without_image(self) -> tuple[str, ...]:
        return self._files.masks_alone

    def declared_splits(self, is_checked: bool = True) -> Splits | None:
        splits = read_splits(self.root / "splits.json", self._files.images)
        return splits.checked(self.group) if splits and is_checked else splits

    def group(self, study: str) -> str:
        return self._declared.group(study)

    def header(self, study: str) -> Header:
        """What a study's image file declares about itself, without decoding it."""
        return read_header(self._files.images[study], self.budget_bytes)

    def read_labels(self, path: Path) -> Int[Tensor, "H W"]:
        """Read one mask file as class numbers.

        Raises:
            UnreadableStudy: the file cannot be read.
            DataError: it holds a value that belongs to no class.
        """
        label_map = self.label_map
        if label_map is None:
            raise DataError(f"{self.root} has no masks.")
        raw = read_mask(path, self.budget_bytes).values
        try:
            return label_map.encode(raw)
        except DataError as error:
            raise DataError(f"The mask {path} cannot be used: {error}") from None

    def _labels(self, path: Path, image: Path, shape: tuple[int, ...]) -> Int[Tensor, "H W"]:
        labels = self.read_labels(path)
        if tuple(labels.shape) != shape:
            mine, other = f"{labels.shape[1]} x {labels.shape[0]}", f"{shape[1]} x {shape[0]}"
            raise GridMismatch(
                f"The mask {path} is {mine} pixels but its image {image} is {other}. Save the "
                "mask at the size of the image (nearest neighbour), or pair it with the image it "
                "was drawn on."
            )
        return labels

    def _with_channels(self, image: Float[Tensor, "C H W"], path: Path) -> Float[Tensor, "c H W"]:
        wanted = len(self.channel_names)
        suited = with_channels(image, wanted)
        if len(suited) == wanted:
            return suited
        raise DataError(
            f"{path} has {len(image)} channels, but {wanted} ({', '.join(self.channel_names)}) "
            "are expected. Convert the image, or correct channel_names in dataset.json."
        )

    @cached_property
    def _files(self) -> FolderFiles:
        files = find_files(self.root)
        return files if self.with_masks else FolderFiles(files.images)

    @cached_property
    def _declared(self) -> Declaration:
        return read_declaration(self.root / "dataset.json")

    @cached_property
    def _channel_counts(self) -> set[int]:
        """The channel counts that occur; a bad file says nothing here and fails when loaded."""
        counts = set()
        for study in self.ids():
            try:
                counts.add(self.header(study).channels)
            except MedSegDiffError:
                continue
        return counts

    @cached_property
    def _recognised(self) -> tuple[LabelMap | None, list[str]]:
        """The label map and what was found out about it."""
        declared = self._declared
        paths = list(self._files.masks.values())
        if not paths:
            return None, []
        chosen = paths[:: -(-len(paths) // MASKS_LOOKED_AT)]
        return LabelMap.recognise(
            (raw for raw in map(self._raw_or_none, chosen) if raw is not None),
            *declared.of_labels,
        )

    def _raw_or_none(self, path: Path) -> np.ndarray | None:
        """A mask's values; None for an unreadable one, which is named when its study is loaded."""
        try:
            return read_mask(path, self.budget_bytes).values
        except MedSegDiffError:
            return None


def _some(names: Sequence[str]) -> str:
    return f"{len(names)} ({', '.join(names[:5])}{' ...' if len(names) > 5 else ''})"
