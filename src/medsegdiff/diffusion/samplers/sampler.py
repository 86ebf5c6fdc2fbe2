"""The family of samplers: they see a denoiser and numbers, never a network, image or device."""

from typing import Protocol, runtime_checkable

from pydantic import Field

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
    """Walks from noise at level T to a clean signal at level 0, in so many steps."""

    steps: int = Field(default=5, gt=0)

    def __call__(
        self, denoise: Denoiser, x: Signal, process: Process, *, noise: NoiseSource
    ) -> Signal:
        """Draw one mask for each row of x.

        Args:
            denoise: estimates x_0.
            x: standard normal noise, shape (B, K, *S).
            process: the schedule that the weights were trained with.
            noise: fresh noise for steps that add some.

        Returns:
            The clean signal, shape (B, K, *S).

        Raises:
            ConfigError: more steps than the process has levels.
        """
        raise NotImplementedError
