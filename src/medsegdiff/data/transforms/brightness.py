"""Lighter and darker images, with a cast of colour."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from medsegdiff.data.transform import Drawn, Transform, happens, per_image, uniform


class Brightness(Transform):
    """Add a constant to each image by chance, in deviations of the prepared intensities.

    Args:
        probability: for each image.
        shift: up to this either way, the same in all channels.
        cast: up to this either way, for each channel by itself.
    """

    name: Literal["brightness"] = "brightness"
    probability: float = Field(default=0.3, ge=0, le=1)
    shift: float = Field(default=0.4, ge=0)
    cast: float = Field(default=0.1, ge=0)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Drawn:
        batch, channels = shape[:2]
        chosen = happens(batch, self.probability, generator)
        common = uniform((batch, 1), -self.shift, self.shift, generator)
        own = uniform((batch, channels), -self.cast, self.cast, generator)
        return {"shift": (common + own) * chosen[:, None]}  # (B, C)

    def apply(self, image: Float[Tensor, "B C *S"], drawn: Drawn) -> Float[Tensor, "B C *S"]:
        return image + per_image(drawn["shift"], image)
