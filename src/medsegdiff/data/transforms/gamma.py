"""A bent intensity curve, as between two screens or exposures."""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from medsegdiff.data.transform import Drawn, Transform, happens, per_image, uniform


class Gamma(Transform):
    """Raise each image, scaled to 0 to 1, to a power by chance; its own range is kept.

    Args:
        probability: for each image.
        power: smallest and largest, drawn evenly on a logarithmic scale.
    """

    name: Literal["gamma"] = "gamma"
    probability: float = Field(default=0.3, ge=0, le=1)
    power: tuple[float, float] = (0.7, 1.5)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Drawn:
        chosen = happens(shape[0], self.probability, generator)
        power = uniform(
            (shape[0],), math.log(self.power[0]), math.log(self.power[1]), generator
        ).exp()
        return {"power": torch.where(chosen, power, 1.0)}  # (B,)

    def apply(self, image: Float[Tensor, "B C *S"], drawn: Drawn) -> Float[Tensor, "B C *S"]:
        chosen = drawn["power"] != 1
        if not chosen.any():
            return image
        mine = image[chosen.to(image.device)]
        low, high = mine.flatten(1).aminmax(dim=1)
        low, span = per_image(low, mine), per_image((high - low).clamp_min(1e-6), mine)
        bent = ((mine - low) / span).clamp(0, 1) ** per_image(drawn["power"][chosen], mine)
        return image.index_put((chosen.nonzero().flatten().to(image.device),), bent * span + low)
