"""A data set: studies by name, each read as a `Sample` when it is asked for."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from typing_extensions import Self

from medsegdiff.component import Component
from medsegdiff.data.labels import LabelMap
from medsegdiff.data.splits import Splits
from medsegdiff.types import Geometry, Sample


class Dataset(Component, family=True):
    """Studies on disk, in whatever layout; a member knows one layout.

    Studies are named, and every answer depends on the name alone, never on a position.
    """

    @abstractmethod
    def ids(self) -> list[str]:
        """Names of all studies that have an image, sorted."""

    @abstractmethod
    def load(self, study: str) -> Sample:
        """Read one study.

        Raises:
            UnreadableStudy: a file is missing, damaged, or not what its name says.
            GridMismatch: the mask is not on the image's grid.
            DataError: the mask holds a value that belongs to no class.
        """

    def geometry(self, study: str) -> Geometry:
        """A study's grid; a member may know it without decoding the study.

        Raises:
            UnreadableStudy: the file is missing, damaged, or not what its name says.
        """
        return self.load(study).geometry

    def shape(self, study: str) -> tuple[int, ...]:
        """Voxels of a study along each axis.

        Raises:
            UnreadableStudy: the file is missing, damaged, or not what its name says.
        """
        return self.geometry(study).shape

    @abstractmethod
    def annotated_ids(self) -> list[str]:
        """Names of the studies that have a mask, sorted."""

    @abstractmethod
    def files(self, study: str) -> tuple[Path, ...]:
        """All files that a study is made of: images, mask, raters."""

    def raters(self, study: str) -> tuple[str, ...]:
        """Names of the raters who drew a mask of this study, sorted."""
        return ()

    @property
    @abstractmethod
    def channel_names(self) -> tuple[str, ...]:
        """What each image channel shows; their number is C."""

    @property
    @abstractmethod
    def label_map(self) -> LabelMap | None:
        """The user's values of the classes; None in a data set without masks."""

    def despite_labels(self) -> Self:
        """The same studies where `label_map` refuses what the masks hold, as far as they go.

        With classes as they are declared, a mask of other values is refused by itself; with none
        declared, masks are left out.
        """
        return self

    @property
    def masks_without_image(self) -> tuple[str, ...]:
        """Names of masks to which no image belongs."""
        return ()

    @property
    def findings(self) -> tuple[str, ...]:
        """What was recognised and the user should know, in plain words."""
        return ()

    def declared_splits(self, is_checked: bool = True) -> Splits | None:
        """The splits that come with the data set, if any.

        Args:
            is_checked: whether splits that tear a patient apart are refused.

        Raises:
            DataError: they name a study that is not there, or a patient is in two of them.
        """
        return None

    def group(self, study: str) -> str:
        """The patient that a study belongs to; the study itself when unknown."""
        return study
