"""DDIM sampling: a deterministic walk from noise to mask that may skip levels."""

from itertools import pairwise
from typing import Literal

from pydantic import Field

from medsegdiff.diffusion.noise import NoiseSource
from medsegdiff.diffusion.process import Process, Signal
from medsegdiff.diffusion.samplers.sampler import Denoiser, Sampler


class DDIM(Sampler):
    """Visit `steps` of the T trained levels; eta=0 adds no noise, eta=1 is ancestral sampling.

    Source: Song, Meng, Ermon 2021, arXiv:2010.02502, equations 12 and 16.
    """

    name: Literal["ddim"] = "ddim"
    eta: float = Field(default=0.0, ge=0, le=1)

    def __call__(
        self, denoise: Denoiser, x: Signal, process: Process, *, noise: NoiseSource
    ) -> Signal:
        """See `Sampler.__call__`."""
        for now, then in pairwise(self.levels(process)):  # T ... 0
            x_0 = denoise(x, now.expand(len(x)))  # (B, K, *S)
            a, a_then = process.alpha_bar[now], process.alpha_bar[then]
            eps = (x - a.sqrt() * x_0) / (1 - a).sqrt()
            sigma = self.eta * ((1 - a_then) / (1 - a) * (1 - a / a_then)).sqrt()  # eq. 16
            x = a_then.sqrt() * x_0 + (1 - a_then - sigma**2).clamp(min=0).sqrt() * eps  # eq. 12
            if sigma > 0:
                x = x + sigma * noise().to(x)
        return x
