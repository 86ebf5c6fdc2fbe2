"""The family of noise schedules."""

import torch
from jaxtyping import Float
from torch import Tensor

from medsegdiff.component import Component


class Schedule(Component, family=True):
    """How much of the clean mask is left at each level."""

    def alpha_bar(self, levels: int, size: tuple[int, ...]) -> Float[Tensor, "{levels}+1"]:
        """Share of the signal's variance left at level 0 (clean, exactly 1) to `levels` (noise).

        Args:
            levels: number of noise levels T.
            size: voxels along each axis of the network's grid.

        Returns:
            Strictly decreasing, float64, shape (T + 1,).
        """
        raise NotImplementedError


def with_clean_level(alpha_bar: Float[Tensor, " levels"]) -> Float[Tensor, " levels+1"]:
    """Put level 0, where nothing is noise, before levels 1 to T."""
    return torch.cat([alpha_bar.new_ones(1), alpha_bar])
