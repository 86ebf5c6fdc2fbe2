"""Mirroring along each axis by chance."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from medsegdiff.data.transform import Drawn, Transform


class Flip(Transform):
    """Mirror each image along each axis with one probability; its own inverse.

    Args:
        probability: for each axis by itself.
        axes: counted from the last, -1 is left to right, -2 top to bottom.
    """

    name: Literal["flip"] = "flip"
    probability: float = Field(default=0.5, ge=0, le=1)
    axes: tuple[int, ...] = (-1, -2)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Drawn:
        chance = torch.rand((len(self.axes), shape[0]), generator=generator)
        return {"mirrored": chance < self.probability}  # (axes, B)

    def apply(self, image: Float[Tensor, "B C *S"], drawn: Drawn) -> Float[Tensor, "B C *S"]:
        return self._mirror(image, drawn)

    def apply_to_labels(self, labels: Int[Tensor, "B *S"], drawn: Drawn) -> Int[Tensor, "B *S"]:
        return self._mirror(labels, drawn)

    def undo(self, mask: Float[Tensor, "B K *S"], drawn: Drawn) -> Float[Tensor, "B K *S"]:
        return self._mirror(mask, drawn)

    def _mirror(self, values: Tensor, drawn: Drawn) -> Tensor:
        for axis, mirrored in zip(self.axes, drawn["mirrored"], strict=True):
            chosen = mirrored.to(values.device).reshape(-1, *[1] * (values.ndim - 1))
            values = torch.where(chosen, values.flip(axis), values)
        return values
