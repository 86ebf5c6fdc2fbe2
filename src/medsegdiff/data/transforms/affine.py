"""Rotation, scaling and shearing in one resampling."""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from medsegdiff.data.transform import Drawn, Transform, happens, uniform


class Affine(Transform):
    """Rotate, scale and shear each image about its centre by chance; 2-D.

    Outside the image lies 0, which is the mean of prepared images and the background of labels.
    Undoing brings probabilities back except where they left the frame.

    Args:
        probability: for each image.
        degrees: rotation, up to this angle either way.
        scale: smallest and largest magnification.
        shear: tangent of the shearing angle, up to this either way.
    """

    name: Literal["affine"] = "affine"
    probability: float = Field(default=0.5, ge=0, le=1)
    degrees: float = Field(default=30.0, ge=0, le=180)
    scale: tuple[float, float] = (0.8, 1.25)
    shear: float = Field(default=0.1, ge=0, lt=1)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Drawn:
        batch = shape[0]
        chosen = happens(batch, self.probability, generator)
        turn = math.radians(self.degrees)
        angle = uniform((batch,), -turn, turn, generator)
        stretch = uniform(
            (batch,), math.log(self.scale[0]), math.log(self.scale[1]), generator
        ).exp()
        slant = uniform((batch,), -self.shear, self.shear, generator)
        rotation = _matrix(angle.cos(), -angle.sin(), angle.sin(), angle.cos())
        moved = rotation @ _matrix(stretch, slant * stretch, torch.zeros(batch), stretch)
        matrix = torch.where(chosen[:, None, None], moved, torch.eye(2))
        return {"matrix": matrix}  # (B, 2, 2), pixels (x, y) of the original to those of the result

    def apply(self, image: Float[Tensor, "B C H W"], drawn: Drawn) -> Float[Tensor, "B C H W"]:
        return _resampled(image, drawn["matrix"].inverse(), "bilinear")

    def apply_to_labels(self, labels: Int[Tensor, "B H W"], drawn: Drawn) -> Int[Tensor, "B H W"]:
        moved = _resampled(labels[:, None].float(), drawn["matrix"].inverse(), "nearest")
        return moved[:, 0].round().long()

    def undo(self, mask: Float[Tensor, "B K H W"], drawn: Drawn) -> Float[Tensor, "B K H W"]:
        return _resampled(mask, drawn["matrix"], "bilinear")


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Float[Tensor, "B 2 2"]:
    return torch.stack([a, b, c, d], dim=-1).reshape(-1, 2, 2)


def _resampled(
    values: Float[Tensor, "B C H W"], source: Float[Tensor, "B 2 2"], mode: str
) -> Float[Tensor, "B C H W"]:
    """Fetch every pixel from where `source` says it came from, in pixels about the centre."""
    moved = (source != torch.eye(2)).flatten(1).any(dim=1)
    if not moved.any():
        return values
    height, width = values.shape[-2:]
    half = torch.tensor([width / 2, height / 2])
    relative = (
        source[moved] * half / half[:, None]
    )  # grid_sample counts from -1 to 1 along each axis
    theta = functional.pad(relative, (0, 1)).to(values)  # (b, 2, 3)
    chosen = moved.to(values.device)
    grid = functional.affine_grid(theta, list(values[chosen].shape), align_corners=False)
    fetched = functional.grid_sample(values[chosen], grid, mode=mode, align_corners=False)
    return values.index_put((chosen.nonzero().flatten(),), fetched)
