"""The cosine schedule: the signal fades slowly at both ends."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from medsegdiff.diffusion.schedules.schedule import Schedule, with_clean_level


class Cosine(Schedule):
    """Squared cosine of the level, with a small offset so that the first step is not too small.

    Source: Nichol, Dhariwal 2021, arXiv:2102.09672, equation 17; beta is at most 0.999, as there.
    """

    name: Literal["cosine"] = "cosine"
    offset: float = Field(default=0.008, ge=0, lt=1)

    def alpha_bar(self, levels: int, size: tuple[int, ...]) -> Float[Tensor, "{levels}+1"]:
        """See `Schedule.alpha_bar`; the size plays no part."""
        level = torch.arange(levels + 1, dtype=torch.float64) / levels
        curve = torch.cos((level + self.offset) / (1 + self.offset) * math.pi / 2) ** 2
        beta = (1 - curve[1:] / curve[:-1]).clamp(max=0.999)
        return with_clean_level((1 - beta).cumprod(0))
