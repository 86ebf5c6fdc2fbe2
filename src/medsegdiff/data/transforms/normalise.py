"""Intensities to mean 0 and deviation 1, by figures of the training images or of the study."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import model_validator
from torch import Tensor
from typing_extensions import Self

from medsegdiff.data.transform import Drawn, Transform

Scope = Literal["data", "study"]
BACKGROUND = 0.2  # share of voxels of one and the same intensity that are not an image
VOXELS_MEASURED = 2**18  # of a study that is measured by itself


class Normalise(Transform):
    """Clip to the usual range of the training images, then bring to mean 0 and deviation 1.

    Each figure has one number a channel, in stored intensities.

    Args:
        lower, upper: the range that is kept (the 0.5 and 99.5 percentiles when fitted).
        mean, deviation: of the clipped training intensities.
        scope: "data" uses these figures for every study, as intensities mean the same in all (CT,
            photographs); "study" measures each study anew, as those of MRI mean nothing alone. An
            intensity that many voxels share exactly is left out, for it is the nothing around a
            head.
    """

    name: Literal["normalise"] = "normalise"
    lower: tuple[float, ...] = (0.0,)
    upper: tuple[float, ...] = (255.0,)
    mean: tuple[float, ...] = (127.5,)
    deviation: tuple[float, ...] = (64.0,)
    scope: Scope = "data"

    @model_validator(mode="after")
    def _one_number_a_channel(self) -> Self:
        lengths = {len(self.lower), len(self.upper), len(self.mean), len(self.deviation)}
        if len(lengths) != 1 or 0 in lengths or min(self.deviation) <= 0:
            raise ValueError(
                "lower, upper, mean and deviation need one number a channel, deviation above 0"
            )
        return self

    @classmethod
    def fit(cls, intensities: Float[Tensor, "C n"], scope: Scope = "data") -> Normalise:
        """Measure the figures on training intensities, shape (C, n)."""
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
            scope=scope,
        )

    def for_study(self, image: Float[Tensor, "C *S"]) -> Normalise:
        """The figures that a study is prepared by: these, or its own."""
        if self.scope == "data":
            return self
        own = [self.fit(_measured(channel)[None]) for channel in image]
        figures = ("lower", "upper", "mean", "deviation")
        return Normalise.model_validate(
            {name: tuple(getattr(one, name)[0] for one in own) for name in figures}
        )

    def draw(self, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Drawn:
        return {}

    def apply(self, image: Float[Tensor, "B C *S"], drawn: Drawn) -> Float[Tensor, "B C *S"]:
        def column(values: tuple[float, ...]) -> Tensor:
            return torch.tensor(values).to(image).reshape(1, -1, *[1] * (image.ndim - 2))

        clipped = image.clamp(column(self.lower), column(self.upper))
        return (clipped - column(self.mean)) / column(self.deviation)


def _measured(channel: Float[Tensor, "*S"]) -> Float[Tensor, "n"]:
    """Some of a channel's intensities, evenly spaced, without those of a background."""
    found = channel.flatten()
    step = max(1, found.numel() // VOXELS_MEASURED)
    found = found[:: step if step == 1 else step | 1]
    shown = found[found != found.mode().values]
    return shown if 0 < len(shown) < (1 - BACKGROUND) * len(found) else found
