"""Voxels of one size and orientation, seen through windows: volumes, and images too large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int, Integer
from pydantic import Field, model_validator
from torch import Tensor
from typing_extensions import Self

from medsegdiff.data.grid import Grid, Placement
from medsegdiff.data.orientation import Reorientation, orientation_of
from medsegdiff.data.resampling import resample_labels, resample_linear
from medsegdiff.data.transform import Drawn
from medsegdiff.errors import DataError
from medsegdiff.types import Geometry

WORDS = {2: "an image", 3: "a volume"}


class Tiles(Grid):
    """Bring studies to one orientation and spacing; the network sees a window at a time.

    Args:
        size: voxels of the window, (h, w) for images or (d, h, w) for volumes; with d = 1 a
            two-dimensional network sees the slices one by one.
        spacing_mm: size of a voxel along each axis after orientation; None keeps the study's own,
            along one axis or all. Studies whose spacing is unknown keep their voxels.
        orientation: direction in which each axis of a volume runs; where nothing is known of it,
            volumes are taken as they are.
    """

    name: Literal["tiles"] = "tiles"
    size: tuple[int, ...] = Field(default=(64, 64, 64), min_length=2, max_length=3)
    spacing_mm: tuple[float | None, ...] | None = None
    orientation: str = "SPL"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if min(self.size) < 1:
            raise ValueError(f"a window has at least one voxel along each axis, not {self.size}")
        if self.spacing_mm is not None and len(self.spacing_mm) != len(self.size):
            raise ValueError(
                f"size {self.size} and spacing_mm {self.spacing_mm} need one number an axis"
            )
        if sorted(Reorientation.between("SPL", self.orientation).order) != [0, 1, 2]:
            raise ValueError(f"orientation {self.orientation} must name three different axes")
        return self

    @property
    def is_tiled(self) -> bool:
        return True

    def placed(self, geometry: Geometry) -> TiledStudy:
        dims = len(self.size)
        if geometry.space_dims != dims:
            given, known = WORDS[geometry.space_dims], WORDS[dims]
            raise DataError(
                f"A study of {' x '.join(map(str, geometry.shape))} voxels is {given}, but the "
                f"weights were trained on {known.split()[-1]}s. Choose a model of "
                f"{given.split()[-1]}s (medsegdiff models lists those bundled)."
            )
        turn = Reorientation.none(dims)
        if dims == 3 and geometry.affine is not None:
            turn = Reorientation.between(orientation_of(geometry.affine), self.orientation)
        shape = tuple(int(n) for n in turn.reordered(geometry.shape))
        return TiledStudy(turn, shape, self.new_shape(shape, turn, geometry.spacing_mm))

    def new_shape(
        self, shape: tuple[int, ...], turn: Reorientation, spacing_mm: tuple[float, ...] | None
    ) -> tuple[int, ...]:
        """Voxels along each axis once the spacing is ours."""
        if self.spacing_mm is None or spacing_mm is None:
            return shape
        pairs = zip(shape, turn.reordered(spacing_mm), self.spacing_mm, strict=True)
        return tuple(n if new is None else max(1, round(n * old / new)) for n, old, new in pairs)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Drawn:
        return {}

    def apply(self, image: Float[Tensor, "B C *S"], drawn: Drawn) -> Float[Tensor, "B C *S"]:
        return image  # a batch has no geometry of its own: see `placed`


@dataclass(frozen=True)
class TiledStudy(Placement):
    """One study on the grid.

    Args:
        turn: from its own axes to the grid's.
        native: its voxels along the turned axes.
        shape: the grid's voxels.
    """

    turn: Reorientation
    native: tuple[int, ...]
    shape: tuple[int, ...]

    def resize(self, image: Float[Tensor, "C *S"]) -> Float[Tensor, "C *s"]:
        return resample_linear(self.turn.apply(image), self.shape)

    def labels(self, labels: Int[Tensor, "*S"]) -> Int[Tensor, "*s"]:
        return resample_labels(self.turn.apply(labels), self.shape)

    def undo(self, values: Float[Tensor, "K *s"]) -> Float[Tensor, "K *S"]:
        if len(values) == 1 or (self.turn.is_none and self.native == self.shape):
            return self.turn.undo(resample_linear(values, self.native))
        native = torch.empty(len(values), *self.turn.restored(self.native))
        for kept, channel in zip(native, values.split(1), strict=True):  # each copy takes memory
            kept.copy_(self.undo(channel)[0])
        return native

    def undo_labels(self, labels: Integer[Tensor, "*s"], classes: int) -> Integer[Tensor, "*S"]:
        if self.native == self.shape:
            return self.turn.undo(labels)
        return super().undo_labels(labels, classes)
