"""The schedule of DDPM: the variance added per level grows linearly."""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from medsegdiff.diffusion.schedules.schedule import Schedule, with_clean_level


class Linear(Schedule):
    """Beta from `first` to `last`, stated for 1000 levels, scaled to end alike for other T.

    Source: Ho, Jain, Abbeel 2020, arXiv:2006.11239, section 4.
    """

    name: Literal["linear"] = "linear"
    first: float = Field(default=1e-4, gt=0, lt=1)
    last: float = Field(default=0.02, gt=0, lt=1)

    def alpha_bar(self, levels: int, size: tuple[int, ...]) -> Float[Tensor, "{levels}+1"]:
        """See `Schedule.alpha_bar`; the size plays no part."""
        scale = 1000 / levels
        beta = torch.linspace(self.first, self.last, levels, dtype=torch.float64) * scale
        return with_clean_level((1 - beta.clamp(max=0.999)).cumprod(0))
