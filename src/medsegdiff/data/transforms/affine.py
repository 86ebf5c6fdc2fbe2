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

THIN = 3  # times the shortest side: a volume with a longer one is turned in its plane alone


class Affine(Transform):
    """Rotate, scale and shear each image about its centre by chance.

    Volumes are turned about all three axes, or, where one axis of what is seen is much shorter than
    the others, within the planes across it alone; they are not sheared.

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
        if len(shape) == 5:
            others = uniform((2, batch), -turn, turn, generator)
            moved = _turned(angle, *others * _is_compact(shape[2:])) * stretch[:, None, None]
        else:
            rotation = _matrix(angle.cos(), -angle.sin(), angle.sin(), angle.cos())
            moved = rotation @ _matrix(stretch, slant * stretch, torch.zeros(batch), stretch)
        matrix = torch.where(chosen[:, None, None], moved, torch.eye(moved.shape[-1]))
        return {"matrix": matrix}  # (B, n, n), voxels (x, y[, z]) of the original to the result's

    def apply(self, image: Float[Tensor, "B C *S"], drawn: Drawn) -> Float[Tensor, "B C *S"]:
        return _resampled(image, drawn["matrix"].inverse(), "bilinear")

    def apply_to_labels(self, labels: Int[Tensor, "B *S"], drawn: Drawn) -> Int[Tensor, "B *S"]:
        moved = _resampled(labels[:, None].float(), drawn["matrix"].inverse(), "nearest")
        return moved[:, 0].round().long()

    def undo(self, mask: Float[Tensor, "B K *S"], drawn: Drawn) -> Float[Tensor, "B K *S"]:
        return _resampled(mask, drawn["matrix"], "bilinear")


def _is_compact(size: tuple[int, ...]) -> bool:
    """Whether turning a volume about any axis leaves it within what is seen, as nnU-Net asks."""
    return max(size) < THIN * min(size)


def _turned(about_z: Tensor, about_x: Tensor, about_y: Tensor) -> Float[Tensor, "B 3 3"]:
    """Rotations of coordinates (x, y, z): about z, then x, then y; angles in radians."""
    rotation = torch.eye(3)
    for angle, (first, second) in ((about_z, (0, 1)), (about_x, (1, 2)), (about_y, (2, 0))):
        one = torch.eye(3).repeat(len(angle), 1, 1)
        one[:, first, first] = one[:, second, second] = angle.cos()
        one[:, first, second], one[:, second, first] = -angle.sin(), angle.sin()
        rotation = one @ rotation
    return rotation


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Float[Tensor, "B 2 2"]:
    return torch.stack([a, b, c, d], dim=-1).reshape(-1, 2, 2)


def _resampled(
    values: Float[Tensor, "B C *S"], source: Float[Tensor, "B n n"], mode: str
) -> Float[Tensor, "B C *S"]:
    """Fetch every voxel from where `source` says it came from, in voxels about the centre."""
    moved = (source != torch.eye(source.shape[-1])).flatten(1).any(dim=1)
    if not moved.any():
        return values
    half = torch.tensor([length / 2 for length in reversed(values.shape[2:])])  # (x, y[, z])
    relative = (
        source[moved] * half / half[:, None]
    )  # grid_sample counts from -1 to 1 along each axis
    theta = functional.pad(relative, (0, 1)).to(values)  # (b, n, n + 1)
    chosen = moved.to(values.device)
    grid = functional.affine_grid(theta, list(values[chosen].shape), align_corners=False)
    fetched = functional.grid_sample(values[chosen], grid, mode=mode, align_corners=False)
    return values.index_put((chosen.nonzero().flatten(),), fetched)
