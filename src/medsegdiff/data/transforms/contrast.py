"""Flatter and steeper images."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from medsegdiff.data.transform import Drawn, Transform, happens, per_image, uniform


class Contrast(Transform):
    """Stretch each image's intensities about their own mean by chance; the image's range is kept.

    Args:
        probability: for each image.
        factor: smallest and largest stretch.
    """

    name: Literal["contrast"] = "contrast"
    probability: float = Field(default=0.3, ge=0, le=1)
    factor: tuple[float, float] = (0.7, 1.4)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Drawn:
        chosen = happens(shape[0], self.probability, generator)
        factor = uniform((shape[0],), *self.factor, generator)
        return {"factor": torch.where(chosen, factor, 1.0)}  # (B,)

    def apply(self, image: Float[Tensor, "B C *S"], drawn: Drawn) -> Float[Tensor, "B C *S"]:
        space = tuple(range(2, image.ndim))
        mean = image.mean(dim=space, keepdim=True)
        stretched = image + (image - mean) * per_image(drawn["factor"] - 1, image)
        low, high = image.amin(dim=space, keepdim=True), image.amax(dim=space, keepdim=True)
        return stretched.clamp(low, high)
