"""Where a study lies on the network's grid: the contract of the two ways to get there.

whole study -> FitToGrid -> one image of the network's size
whole study -> Tiles     -> voxels of one size and orientation, seen through windows
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from medsegdiff.data.transform import Transform
from medsegdiff.types import Geometry


class Placement(ABC):
    """One study on the network's grid: there, and back."""

    @abstractmethod
    def resize(self, image: Float[Tensor, "C *S"]) -> Float[Tensor, "C *s"]:
        """Bring intensities to the grid, without what is padded."""

    def pad(self, image: Float[Tensor, "C *s"]) -> Float[Tensor, "C *s2"]:
        """Add what the grid has around the study, as zeros; nothing unless a member says so."""
        return image

    @abstractmethod
    def labels(self, labels: Int[Tensor, "*S"]) -> Int[Tensor, "*s"]:
        """Bring class numbers to the grid."""

    @abstractmethod
    def undo(self, values: Float[Tensor, "K *s"]) -> Float[Tensor, "K *S"]:
        """Bring probabilities back to the study's own grid."""

    def undo_labels(self, labels: Integer[Tensor, "*s"], classes: int) -> Integer[Tensor, "*S"]:
        """Bring class numbers back: the class that most of a voxel's surroundings have.

        Args:
            labels: class numbers 0 to `classes` - 1.
            classes: one at a time is held in memory as numbers.
        """
        best = self.undo((labels == 0).float()[None])[0]
        native = torch.zeros(best.shape, dtype=labels.dtype)
        for index in range(1, classes):
            share = self.undo((labels == index).float()[None])[0]
            native[share > best] = index
            best = torch.maximum(best, share)
        return native


class Grid(Transform):
    """How studies get to the network's grid.

    Args:
        size: voxels along each axis of what the network sees at once; (1, h, w) sees the slices of
            volumes one by one.
    """

    size: tuple[int, ...]

    @property
    def network_size(self) -> tuple[int, ...]:
        """The same without the depth of a single slice: the network's own dimensions."""
        return self.size[1:] if self.sees_slices else self.size

    @property
    def sees_slices(self) -> bool:
        """Whether a two-dimensional network looks at volumes."""
        return len(self.size) == 3 and self.size[0] == 1

    @property
    def is_tiled(self) -> bool:
        """Whether a study may be larger than what the network sees at once."""
        return False

    @abstractmethod
    def placed(self, geometry: Geometry) -> Placement:
        """Lay a study of this geometry on the grid.

        Raises:
            DataError: it has another number of axes than the grid.
        """
