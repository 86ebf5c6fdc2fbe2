"""Intensities to mean 0 and deviation 1, by figures measured once on the training images."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import model_validator
from torch import Tensor
from typing_extensions import Self

from medsegdiff.data.transform import Drawn, Transform


class Normalise(Transform):
    """Clip to the usual range of the training images, then bring to mean 0 and deviation 1.

    Each setting has one number a channel, in stored intensities.

    Args:
        lower, upper: the range that is kept (the 0.5 and 99.5 percentiles when fitted).
        mean, deviation: of the clipped training intensities.
    """

    name: Literal["normalise"] = "normalise"
    lower: tuple[float, ...] = (0.0,)
    upper: tuple[float, ...] = (255.0,)
    mean: tuple[float, ...] = (127.5,)
    deviation: tuple[float, ...] = (64.0,)

    @model_validator(mode="after")
    def _one_number_a_channel(self) -> Self:
        lengths = {len(self.lower), len(self.upper), len(self.mean), len(self.deviation)}
        if len(lengths) != 1 or 0 in lengths or min(self.deviation) <= 0:
            raise ValueError(
                "lower, upper, mean and deviation need one number a channel, deviation above 0"
            )
        return self

    @classmethod
    def fit(cls, intensities: Float[Tensor, "C n"]) -> Normalise:
        """Measure the settings on training intensities, shape (C, n)."""
        ordered = intensities.double().sort(dim=1).values
        last = ordered.shape[1] - 1
        lower, upper = ordered[:, round(0.005 * last)], ordered[:, round(0.995 * last)]
        clipped = ordered.clamp(lower[:, None], upper[:, None])
        deviation = clipped.std(dim=1, correction=0)
        deviation = torch.where(deviation > 1e-6 * (upper - lower).clamp_min(1e-6), deviation, 1.0)
        return cls(
            lower=tuple(lower.tolist()),
            upper=tuple(upper.tolist()),
            mean=tuple(clipped.mean(dim=1).tolist()),
            deviation=tuple(deviation.tolist()),
        )

    def draw(self, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Drawn:
        return {}

    def apply(self, image: Float[Tensor, "B C *S"], drawn: Drawn) -> Float[Tensor, "B C *S"]:
        def column(values: tuple[float, ...]) -> Tensor:
            return torch.tensor(values).to(image).reshape(1, -1, *[1] * (image.ndim - 2))

        clipped = image.clamp(column(self.lower), column(self.upper))
        return (clipped - column(self.mean)) / column(self.deviation)
