"""The schedule of simple diffusion: a cosine in log SNR, shifted to give large grids more noise."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from medsegdiff.diffusion.schedules.schedule import Schedule, with_clean_level


class ShiftedCosine(Schedule):
    """Log SNR of -2 log tan(t), bounded, then shifted by D log(reference / d).

    D is the number of space dimensions and d the geometric mean of the grid's sides: averaging over
    a patch that covers the same share of the grid then leaves the same noise at any size.

    Source: Hoogeboom, Heek, Salimans 2023, arXiv:2301.11093, equations 3 to 5.
    """

    name: Literal["shifted_cosine"] = "shifted_cosine"
    reference_side: float = Field(default=64, gt=0)
    log_snr_bound: float = Field(default=15, gt=0)

    def alpha_bar(self, levels: int, size: tuple[int, ...]) -> Float[Tensor, "{levels}+1"]:
        """See `Schedule.alpha_bar`."""
        t_min = math.atan(math.exp(-self.log_snr_bound / 2))
        t_max = math.atan(math.exp(self.log_snr_bound / 2))
        level = torch.arange(1, levels + 1, dtype=torch.float64) / levels
        log_snr = -2 * torch.log(torch.tan(t_min + level * (t_max - t_min)))
        return with_clean_level(torch.sigmoid(log_snr + self.shift(size)))

    def shift(self, size: tuple[int, ...]) -> float:
        """Log SNR added at every level: D log(reference / d)."""
        log_side = sum(math.log(side) for side in size) / len(size)
        return len(size) * (math.log(self.reference_side) - log_side)
