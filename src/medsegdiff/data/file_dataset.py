"""The common base of all layouts: a member finds the files of each study, the rest is done here.

A layout is one file in `datasets/`:

    class Pairs(FileDataset):
        name: Literal["pairs"] = "pairs"
        specificity: ClassVar[int] = 50

        @classmethod
        def recognises(cls, root: Path) -> bool:
            return (root / "pairs.txt").is_file()

        def find(self) -> FoundStudies:
            ...
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from jaxtyping import Float, Int
from torch import Tensor
from typing_extensions import Self

from medsegdiff.data.channels import mixed_channels, names_of_channels, with_channels
from medsegdiff.data.consensus import consensus
from medsegdiff.data.dataset import Dataset
from medsegdiff.data.declaration import Declaration, read_splits
from medsegdiff.data.file_names import study_name
from medsegdiff.data.folder_tree import some
from medsegdiff.data.formats import Header
from medsegdiff.data.labels import LabelMap
from medsegdiff.data.splits import Splits
from medsegdiff.data.study_files import FoundStudies, StudyFiles, check_study_names, stored_in
from medsegdiff.data.study_reading import (
    check_mask_grid,
    header_or_none,
    plain_files,
    read_scan,
    read_stored_mask,
    read_study_header,
    some_raw_masks,
)
from medsegdiff.errors import DataError, UnreadableStudy
from medsegdiff.types import Geometry, Sample


class FileDataset(Dataset):
    """Studies that are made of files.

    Args:
        root: the folder, or the file that lists the studies.
        channels: image channels to deliver; None for what the files hold. A grey picture is
            expanded to three equal channels; colour is never reduced to grey unless it shows none.
        with_masks: whether masks are looked for; they are neither needed nor read to predict.
        budget_bytes: the most memory that one decoded study may take; None for what suits this
            machine.
        believes_labels: take the classes as `dataset.json` declares them, without a look at the
            masks; one with another value is then refused by itself.
    """

    root: Path
    channels: int | None = None
    with_masks: bool = True
    budget_bytes: int | None = None
    believes_labels: bool = False

    specificity: ClassVar[int] = 0  # of layouts that recognise a folder, the highest is taken

    @classmethod
    @abstractmethod
    def recognises(cls, root: Path) -> bool:
        """Whether a path looks like this layout, by names and small text files alone.

        Args:
            root: a file or folder that may not exist.
        """

    @abstractmethod
    def find(self) -> FoundStudies:
        """Find the files of each study; asked once.

        Raises:
            DataError: there is no image, a file that is named is not there, or two have a claim to
                be the same study.
        """

    @property
    def home(self) -> Path:
        """The folder of `dataset.json` and `splits.json`: the root, or that of a list."""
        return self.root

    @classmethod
    def of_images(cls, path: Path, channels: int | None = None) -> Self:
        """Open images to predict on; masks are not looked at.

        Raises:
            DataError: there is no image.
        """
        opened = cls.model_validate({"root": path, "channels": channels, "with_masks": False})
        opened.ids()
        return opened

    def ids(self) -> list[str]:
        return sorted(self._studies)

    def despite_labels(self) -> Self:
        other = {"believes_labels": True} if self.declaration.labels else {"with_masks": False}
        return self.model_validate({**dict(self), **other})

    def annotated_ids(self) -> list[str]:
        return [study for study in self.ids() if self._masks(self._studies[study])]

    def load(self, study: str) -> Sample:
        files = self._readable(study)
        scan = read_scan(files, self.budget_bytes)
        raters = {
            rater: self._labels(path, files, scan.geometry)
            for rater, path in sorted(files.raters.items())
        }
        return Sample(
            study=study,
            image=self._with_channels(scan.image, files.images),
            geometry=scan.geometry,
            labels=self._truth(files, scan.geometry, raters),
            raters=raters,
            path=files.images[0],
            group=self.group(study),
            modality=scan.modality,
        )

    def geometry(self, study: str) -> Geometry:
        return self.header(study).geometry

    def shape(self, study: str) -> tuple[int, ...]:
        return self.geometry(study).shape

    def header(self, study: str) -> Header:
        """What a study's image files declare about themselves, without decoding them.

        Raises:
            UnreadableStudy: there is no such study, or a file is not what its name says.
        """
        return read_study_header(self._readable(study), self.budget_bytes)

    def study_files(self, study: str) -> StudyFiles:
        """Which file of a study is what.

        Raises:
            UnreadableStudy: there is no such study.
        """
        return self._known(study)

    def files(self, study: str) -> tuple[Path, ...]:
        files = self._known(study)
        masks = [] if files.mask is None else [files.mask]
        masks += [files.raters[rater] for rater in sorted(files.raters)]
        stored = [*files.images, *map(stored_in, masks)]
        return tuple(dict.fromkeys(file for path in stored for file in plain_files(path)))

    def raters(self, study: str) -> tuple[str, ...]:
        return tuple(sorted(self._known(study).raters))

    @property
    def declaration(self) -> Declaration:
        """What the data set says about itself."""
        return self._found.declaration

    @property
    def channel_names(self) -> tuple[str, ...]:
        return self._channel_names

    @cached_property
    def _channel_names(self) -> tuple[str, ...]:
        declared = self.declaration.channel_names
        if declared and self.channels in (None, len(declared)):
            return declared
        if self.channels is not None:
            return names_of_channels(self.channels, are_pictures=True)
        counts = {count for count, _ in self._channel_counts}
        are_pictures = all(space_dims == 2 for _, space_dims in self._channel_counts)
        return names_of_channels(max(counts, default=1), are_pictures)

    @property
    def label_map(self) -> LabelMap | None:
        return self._recognised[0]

    @property
    def findings(self) -> tuple[str, ...]:
        counts = {count for count, _ in self._channel_counts}
        mixed = mixed_channels(counts, len(self.channel_names))
        found = [*self._found.findings, *self._recognised[1], *mixed]
        found += self._without_mask()
        if self.masks_without_image:
            found.append(f"Masks without an image: {some(list(self.masks_without_image))}.")
        return tuple(found)

    def _without_mask(self) -> list[str]:
        """Which studies of a set with masks have none: those to train on, and those to test on."""
        annotated = set(self.annotated_ids())
        missing = [study for study in self.ids() if annotated and study not in annotated]
        declared: set[str] = set()
        with suppress(DataError):  # splits that cannot be used are told by who divides
            splits = self.declared_splits(is_checked=False)
            declared = set(splits.test if splits else ())
        tested = [
            study for study in missing if study in declared or self._studies[study].split == "test"
        ]
        left_out = sorted(set(missing) - set(tested))
        told = {
            "Without a mask, and so left out of training": left_out,
            "To test on, but without a mask to compare with": tested,
        }
        return [f"{what}: {some(studies)}." for what, studies in told.items() if studies]

    @property
    def masks_without_image(self) -> tuple[str, ...]:
        return self._found.masks_alone if self.with_masks else ()

    def declared_splits(self, is_checked: bool = True) -> Splits | None:
        splits = read_splits(self.home / "splits.json", self._studies) or self._splits_of_layout()
        return splits.checked(self.group) if splits and is_checked else splits

    def group(self, study: str) -> str:
        files = self._studies.get(study)
        if files is not None and files.group is not None:
            return files.group
        return self.declaration.group(study)

    @cached_property
    def _found(self) -> FoundStudies:
        found = self.find()
        check_study_names(found.studies, self._list)
        return found

    @property
    def _list(self) -> Path:
        """What names the studies: a list, or the root."""
        return self.root

    @cached_property
    def _studies(self) -> dict[str, StudyFiles]:
        """The files by study, without masks where none are wanted."""
        if self.with_masks:
            return dict(self._found.studies)
        return {
            study: StudyFiles(files.images, split=files.split, group=files.group)
            for study, files in self._found.studies.items()
        }

    def _known(self, study: str) -> StudyFiles:
        files = self._studies.get(study)
        if files is None:
            raise UnreadableStudy(f"There is no study {study!r} in {self.root}.")
        return files

    def _readable(self, study: str) -> StudyFiles:
        """The files of a study that nothing is known against."""
        files = self._known(study)
        if study in self._found.refused:
            raise UnreadableStudy(self._found.refused[study])
        return files

    def _splits_of_layout(self) -> Splits | None:
        places: dict[str, list[str]] = {"train": [], "val": [], "test": []}
        for study in self.ids():
            split = self._studies[study].split
            if split is not None:
                places[split].append(study)
        return Splits.model_validate(places) if any(places.values()) else None

    def _with_channels(
        self, image: Float[Tensor, "C *S"], paths: Sequence[Path]
    ) -> Float[Tensor, "c *S"]:
        wanted, path = len(self.channel_names), paths[0]
        suited = with_channels(image, wanted) if image.ndim == 3 else image
        if len(suited) == wanted:
            return suited
        expected = f"{wanted} ({', '.join(self.channel_names)}) {'is' if wanted == 1 else 'are'}"
        if len(paths) > 1:
            raise DataError(
                f"{study_name(path)} has {len(image)} channels, each in a file of its own "
                f"({', '.join(one.name for one in paths)}), but {expected} expected. Give the "
                "files of those channels alone."
            )
        has = "1 channel" if len(image) == 1 else f"{len(image)} channels"
        if image.ndim > 3 and len(image) == 1 and self.channels is not None:
            raise DataError(
                f"{path} is a volume of {has}, but the model sees {wanted}. If it is a model of "
                "colour pictures, choose one that was trained on volumes (medsegdiff models lists "
                f"those that come along); if it sees {wanted} channels of a volume, give each as a "
                f"file: {study_name(path)}_0000.nii.gz, {study_name(path)}_0001.nii.gz ..."
            )
        raise DataError(f"{path} has {has}, but {expected} expected. {self._way_out(path, image)}")

    def _way_out(self, path: Path, image: Float[Tensor, "C *S"]) -> str:
        """What to do about an image of other channels."""
        if image.ndim > 3 and len(image) > 1:
            return (
                "A fourth axis holds channels or points in time: save each channel as a file of "
                f"its own ({study_name(path)}_0000.nii.gz, {study_name(path)}_0001.nii.gz ...), or "
                "the one point in time that is meant."
            )
        is_declared = (self.home / "dataset.json").is_file()
        correct = ", or correct channel_names in dataset.json" if is_declared else ""
        if self.channels is not None:
            return (
                "Choose a model of such images (medsegdiff models lists those bundled), or convert "
                f"the image{correct}."
            )
        return f"Convert the image{correct}."

    def _truth(
        self, files: StudyFiles, grid: Geometry, raters: dict[str, Int[Tensor, "*S"]]
    ) -> Int[Tensor, "*S"] | None:
        if files.mask is not None:
            return self._labels(files.mask, files, grid)
        return consensus(list(raters.values())) if raters and self._raters_are_truth else None

    def _labels(self, path: Path, files: StudyFiles, grid: Geometry) -> Int[Tensor, "*S"]:
        """Read a mask as class numbers on the grid of its image."""
        label_map = self.label_map
        if label_map is None:
            raise DataError(f"{self.root} has no masks.")
        stored = read_stored_mask(path, files, grid, self.budget_bytes)
        try:
            labels = label_map.encode(stored.values)
        except DataError as error:
            raise DataError(f"The mask {path} cannot be used: {error}") from None
        check_mask_grid(path, stored.geometry, files.images[0], grid)
        return labels

    @cached_property
    def _channel_counts(self) -> set[tuple[int, int]]:
        """Channels and axes that occur; a bad file says nothing here and fails when loaded."""
        counts = set()
        for files in self._studies.values():
            header = header_or_none(files, self.budget_bytes)
            if header is not None:
                counts.add((header.channels, header.geometry.space_dims))
        return counts

    @cached_property
    def _raters_are_truth(self) -> bool:
        """Whether the raters' consensus stands for the masks: where no study has a mask."""
        return not any(files.mask for files in self._studies.values())

    def _masks(self, files: StudyFiles) -> list[Path]:
        """The files that a study's truth is read from."""
        if files.mask is not None:
            return [files.mask]
        return list(files.raters.values()) if self._raters_are_truth else []

    @cached_property
    def _recognised(self) -> tuple[LabelMap | None, list[str]]:
        """The label map and what was found out about it."""
        drawn = [(files, mask) for files in self._studies.values() for mask in self._masks(files)]
        if not drawn:
            return None, []
        declared = self.declaration.of_labels
        if self.believes_labels:
            found, findings = LabelMap.declared(*declared), []
        else:
            some = some_raw_masks(drawn, self.budget_bytes)
            found, findings = LabelMap.recognise(some, *declared)
        return found.model_copy(update={"codes": self.declaration.codes}), findings
