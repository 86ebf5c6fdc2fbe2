"""Resizing to the network's grid, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from pydantic import field_validator
from torch import Tensor
from torch.nn import functional

from medsegdiff.data.grid import Grid, Placement
from medsegdiff.data.resampling import resize_labels
from medsegdiff.data.transform import Drawn
from medsegdiff.errors import DataError
from medsegdiff.types import Geometry

Aspect = Literal["keep", "squeeze"]


class FitToGrid(Grid):
    """Scale an image until it just fits the grid, and centre it; or squeeze it; 2-D.

    Images are resized with an antialiased linear filter, labels by the area of each class,
    probabilities linearly.

    Args:
        size: (H, W) of the grid.
        aspect: "keep" keeps the image's shape and pads what is left over with zeros; "squeeze"
            fills the grid, as where the training images were squeezed.
    """

    name: Literal["fit_to_grid"] = "fit_to_grid"
    size: tuple[int, int] = (128, 128)
    aspect: Aspect = "keep"

    @field_validator("size")
    @classmethod
    def _positive(cls, size: tuple[int, int]) -> tuple[int, int]:
        if min(size) < 1:
            raise ValueError(f"a grid has at least one pixel on each side, not {size}")
        return size

    def placed(self, geometry: Geometry) -> FittedImage:
        if geometry.space_dims != 2:
            raise DataError(
                f"A study of {' x '.join(map(str, geometry.shape))} voxels is a volume, but the "
                "weights were trained on images. Choose a model of volumes (medsegdiff models "
                "lists those bundled)."
            )
        height, width = geometry.shape
        return FittedImage(self, (height, width))

    def inner_size(self, native: tuple[int, int]) -> tuple[int, int]:
        """Size of a scaled image of this native (H, W) inside the grid."""
        if self.aspect == "squeeze":
            return self.size
        scale = min(side / mine for side, mine in zip(self.size, native, strict=True))
        height, width = (
            min(max(round(mine * scale), 1), side)
            for mine, side in zip(native, self.size, strict=True)
        )
        return height, width

    def draw(self, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Drawn:
        return {"native": tuple(shape[-2:])}

    def apply(self, image: Float[Tensor, "B C H W"], drawn: Drawn) -> Float[Tensor, "B C h w"]:
        return self.pad(self.resize(image))

    def resize(self, image: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
        """Scale images to their size inside the grid, without the padding."""
        return _linear(image, self.inner_size((image.shape[-2], image.shape[-1])))

    def pad(self, values: Tensor) -> Tensor:
        """Centre scaled images or labels (..., h, w) on the grid, zeros around them."""
        top, left = self._corner((values.shape[-2], values.shape[-1]))
        height, width = self.size
        right, bottom = width - left - values.shape[-1], height - top - values.shape[-2]
        return functional.pad(values, (left, right, top, bottom))

    def apply_to_labels(self, labels: Int[Tensor, "B H W"], drawn: Drawn) -> Int[Tensor, "B h w"]:
        size = self.inner_size((labels.shape[-2], labels.shape[-1]))
        return torch.stack([self.pad(resize_labels(one, size)) for one in labels])

    def undo(self, mask: Float[Tensor, "B K h w"], drawn: Drawn) -> Float[Tensor, "B K H W"]:
        height, width = self.inner_size(drawn["native"])
        top, left = self._corner((height, width))
        inner = mask[..., top : top + height, left : left + width]
        return _linear(inner, drawn["native"])

    def _corner(self, inner: tuple[int, int]) -> tuple[int, int]:
        """Row and column of the grid where a scaled image begins."""
        return (self.size[0] - inner[0]) // 2, (self.size[1] - inner[1]) // 2


@dataclass(frozen=True)
class FittedImage(Placement):
    """One image on the grid.

    Args:
        grid: the grid.
        native: (H, W) of the image.
    """

    grid: FitToGrid
    native: tuple[int, int]

    def resize(self, image: Float[Tensor, "C H W"]) -> Float[Tensor, "C h w"]:
        return self.grid.resize(image[None])[0]

    def pad(self, image: Float[Tensor, "C h w"]) -> Float[Tensor, "C h2 w2"]:
        return self.grid.pad(image)

    def labels(self, labels: Int[Tensor, "H W"]) -> Int[Tensor, "h w"]:
        return self.grid.apply_to_labels(labels[None], {})[0]

    def undo(self, values: Float[Tensor, "K h w"]) -> Float[Tensor, "K H W"]:
        return self.grid.undo(values[None], {"native": self.native})[0]


def _linear(values: Float[Tensor, "B C H W"], size: tuple[int, int]) -> Float[Tensor, "B C h w"]:
    if tuple(values.shape[-2:]) == tuple(size):
        return values
    return functional.interpolate(
        values, size, mode="bilinear", antialias=True, align_corners=False
    )
