"""Grain."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from medsegdiff.data.transform import Drawn, Transform, happens, per_image, uniform


class Grain(Transform):
    """Add normal noise to each image by chance.

    Args:
        probability: for each image.
        deviation: up to this, in deviations of the prepared intensities.
    """

    name: Literal["grain"] = "grain"
    probability: float = Field(default=0.2, ge=0, le=1)
    deviation: float = Field(default=0.2, ge=0)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Drawn:
        chosen = happens(shape[0], self.probability, generator)
        deviation = uniform((shape[0],), 0, self.deviation, generator)[chosen]
        noise = torch.randn((len(deviation), *shape[1:]), generator=generator)
        return {"chosen": chosen, "noise": noise * per_image(deviation, noise)}  # (B,), (b, C, *S)

    def apply(self, image: Float[Tensor, "B C *S"], drawn: Drawn) -> Float[Tensor, "B C *S"]:
        where = drawn["chosen"].nonzero().flatten().to(image.device)
        return image.index_put((where,), drawn["noise"].to(image), accumulate=True)
