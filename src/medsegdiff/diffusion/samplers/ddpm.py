"""Ancestral sampling of DDPM, on any subset of the trained levels."""

from itertools import pairwise
from typing import Literal

from medsegdiff.diffusion.noise import NoiseSource
from medsegdiff.diffusion.process import Process, Signal
from medsegdiff.diffusion.samplers.sampler import Denoiser, Sampler


class DDPM(Sampler):
    """Draw each level from the posterior q(x_then | x_now, x_0), with the smaller variance of two.

    Source: Ho, Jain, Abbeel 2020, arXiv:2006.11239, equations 6 and 7; MedSegDiff equation 1.
    """

    name: Literal["ddpm"] = "ddpm"

    def __call__(
        self, denoise: Denoiser, x: Signal, process: Process, *, noise: NoiseSource
    ) -> Signal:
        """See `Sampler.__call__`."""
        for now, then in pairwise(self.levels(process)):
            x_0 = denoise(x, now.expand(len(x)))  # (B, K, *S)
            a, a_then = process.alpha_bar[now], process.alpha_bar[then]
            alpha = a / a_then  # of the whole jump
            from_x_0 = a_then.sqrt() * (1 - alpha) / (1 - a)  # eq. 7
            from_x_t = alpha.sqrt() * (1 - a_then) / (1 - a)
            x = from_x_0 * x_0 + from_x_t * x
            variance = (1 - alpha) * (1 - a_then) / (1 - a)
            if variance > 0:
                x = x + variance.sqrt() * noise().to(x)
        return x
