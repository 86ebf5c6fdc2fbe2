"""The family of objectives, and the weighting that those with a squared error share."""

from __future__ import annotations

from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from medsegdiff.component import Component
from medsegdiff.diffusion.overlap import TINY, weighted_mean
from medsegdiff.diffusion.process import Level, Process, Signal, Weight

COARSEST = 32  # smallest side at which the multi-scale loss looks


class Objective(Component, family=True):
    """Says what the network's output means, and how far it is from the truth."""

    @property
    def can_recycle(self) -> bool:
        """Whether the loss stays bounded when x_t does not come from x_0 (recycling)."""
        return True

    def x_0(self, output: Signal, x_t: Signal, t: Level, process: Process) -> Signal:
        """The clean signal that the output stands for, within -b and b."""
        raise NotImplementedError

    def loss(
        self,
        output: Signal,
        x_0: Signal,
        x_t: Signal,
        t: Level,
        process: Process,
        weight: Weight | None = None,
    ) -> Float[Tensor, " B"]:
        """Loss of each row; x_t need not come from x_0 (recycling), but the truth is x_0.

        Args:
            output: of the network, shape (B, K, *S).
            x_0: the truth.
            x_t: what the network saw.
            t: levels.
            process: forward process on this grid.
            weight: 0 where voxels are ignored; None counts all.
        """
        raise NotImplementedError


class SquaredError(Objective):
    """An objective with a squared error, optionally weighted by min-SNR.

    Args:
        min_snr_gamma: bound on the SNR's weight; None gives every level the same weight (Hang et
            al. 2023, arXiv:2303.09556, equation 7).
        multi_scale: take the error at halved grids, too, so that coarse structure counts on large
            ones (simple diffusion, arXiv:2301.11093, section 3.3).
    """

    min_snr_gamma: float | None = Field(default=None, gt=0)
    multi_scale: bool = False

    def weighted(
        self,
        error: Signal,
        t: Level,
        process: Process,
        snr_power: int,
        weight: Weight | None = None,
    ) -> Float[Tensor, " B"]:
        """Mean square of each row, in units of the clean signal's range, times its weight.

        Args:
            error: prediction minus target, shape (B, K, *S).
            t: levels.
            process: for the SNR.
            snr_power: 0 if the error is one of x_0 / b, -1 of eps, -2 of v (SNR + b squared, which
                is SNR + 1 for masks at -1 and 1): the weighted loss is the same for all three.
            weight: 0 where voxels are ignored; None counts all.
        """
        error = error.float()
        square = (over_scales if self.multi_scale else mean_square)(error, weight)
        if self.min_snr_gamma is None:
            return square
        snr = process.snr(t, error).flatten()
        bounded = snr.clamp(max=self.min_snr_gamma)
        divisor = {0: 1.0, -1: snr, -2: snr + process.signal_scale**2}[snr_power]
        return square * bounded / divisor


def mean_square(error: Signal, weight: Weight | None = None) -> Float[Tensor, " B"]:
    """Mean square of each row."""
    return weighted_mean(error.square(), weight)


def over_scales(error: Signal, weight: Weight | None = None) -> Float[Tensor, " B"]:
    """Mean square of each row over the grid and its halvings down to a side of 32.

    A grid of side s weighs 1 / s, as in simple diffusion; here the weights sum to 1. Where voxels
    are ignored, those of a coarser grid take the mean of the rest.
    """
    side = min(error.shape[2:])
    total, shares = mean_square(error, weight) / side, 1 / side
    while min(error.shape[2:]) >= 2 * COARSEST:
        error, weight = _halved(error, weight)
        side = min(error.shape[2:])
        total, shares = total + mean_square(error, weight) / side, shares + 1 / side
    return total / shares


def _halved(error: Signal, weight: Weight | None) -> tuple[Tensor, Tensor | None]:
    """Both on the grid of half the side: the mean of each 4 or 8 voxels, as far as they count."""
    pool = functional.avg_pool2d if error.ndim == 4 else functional.avg_pool3d
    if weight is None:
        return pool(error, 2), None
    share = pool(weight, 2)
    return pool(error * weight, 2) / share.clamp(min=TINY), share
