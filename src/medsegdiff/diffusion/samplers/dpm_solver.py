"""DPM-Solver++(2M): a second-order walk that remembers the last estimate of the clean signal."""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from medsegdiff.diffusion.noise import NoiseSource
from medsegdiff.diffusion.process import Process, Signal
from medsegdiff.diffusion.samplers.sampler import Denoiser, Sampler


class DPMSolver(Sampler):
    """Multistep solver of order 2 in half the log SNR; the first and last step are of order 1.

    Source: Lu et al. 2022, arXiv:2211.01095, algorithm 2.
    """

    name: Literal["dpm_solver"] = "dpm_solver"

    def __call__(
        self, denoise: Denoiser, x: Signal, process: Process, *, noise: NoiseSource
    ) -> Signal:
        """See `Sampler.__call__`; no noise is added."""
        *walk, last = pairwise(self.levels(process))
        last_x_0, last_h = None, None
        for now, then in walk:
            x_0 = denoise(x, now.expand(len(x)))  # (B, K, *S)
            a, a_then = process.alpha_bar[now], process.alpha_bar[then]
            h = half_log_snr(a_then) - half_log_snr(a)
            estimate = (
                x_0
                if last_x_0 is None or last_h is None
                else extrapolated(x_0, last_x_0, h / last_h)
            )
            ratio = ((1 - a_then) / (1 - a)).sqrt()
            x = ratio * x - a_then.sqrt() * torch.expm1(-h) * estimate
            last_x_0, last_h = x_0, h
        return denoise(x, last[0].expand(len(x)))  # no noise is left: the limit of the last step


def half_log_snr(alpha_bar: Tensor) -> Tensor:
    """Logarithm of the ratio of signal to noise deviation."""
    return 0.5 * torch.log(alpha_bar / (1 - alpha_bar))


def extrapolated(x_0: Signal, last_x_0: Signal, h_ratio: Tensor) -> Signal:
    """The clean signal at the middle of the step, by the line through the last two estimates."""
    return x_0 + 0.5 * h_ratio * (x_0 - last_x_0)
