"""The family of samplers: they see a denoiser and numbers, never a network, image or device."""

from typing import Protocol, runtime_checkable

from pydantic import Field
from torch import Tensor

from medsegdiff.component import Component
from medsegdiff.diffusion.noise import NoiseSource
from medsegdiff.diffusion.process import Level, Process, Signal


@runtime_checkable
class Denoiser(Protocol):
    """Estimates the clean signal; the image is already bound to it."""

    def __call__(self, x_t: Signal, t: Level) -> Signal:
        """Return x_0 for each x_t at its level."""
        ...


class Sampler(Component, family=True):
    """Walks from noise to a clean signal at level 0, in so many steps.

    Args:
        steps: levels visited, which is how often the network is asked.
        start: share of the T levels at which the walk begins. Below 1 it begins with a first guess
            (the condition head's mask) made noisy, instead of with pure noise: the warm start of
            PD-DDPM (Guo et al. 2022, arXiv:2210.17408).
    """

    steps: int = Field(default=5, gt=0)
    start: float = Field(default=1.0, gt=0, le=1)

    def first_level(self, process: Process) -> int:
        """The level at which the walk begins."""
        return max(1, round(self.start * process.last_level))

    def levels(self, process: Process) -> Tensor:
        """The levels that the walk visits, first to last, the last one 0; shape (steps + 1,)."""
        return process.levels(self.steps, self.first_level(process))

    def __call__(
        self, denoise: Denoiser, x: Signal, process: Process, *, noise: NoiseSource
    ) -> Signal:
        """Draw one mask for each row of x.

        Args:
            denoise: estimates x_0.
            x: standard normal noise, shape (B, K, *S); with a start below 1 the noisy first guess.
            process: the schedule that the weights were trained with.
            noise: fresh noise for steps that add some.

        Returns:
            The clean signal, shape (B, K, *S).

        Raises:
            ConfigError: more steps than the process has levels.
        """
        raise NotImplementedError
