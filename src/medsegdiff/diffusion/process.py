"""The forward process: from a mask to noise, and the numbers that every sampler and loss needs."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from pydantic import Field, SerializeAsAny
from torch import Tensor

from medsegdiff.component import Config
from medsegdiff.diffusion.schedules import Schedule
from medsegdiff.diffusion.schedules.shifted_cosine import ShiftedCosine
from medsegdiff.errors import ConfigError
from medsegdiff.types import BINARY, MaskCoding

Signal = Float[Tensor, "B K *S"]
Level = Int[Tensor, " B"]
Weight = Float[Tensor, "B 1 *S"]  # of each voxel in a loss: 1, or 0 where it is ignored


class ProcessSettings(Config):
    """What a person chooses of the forward process.

    Args:
        schedule: how fast the signal fades.
        levels: number of noise levels T.
        signal_scale: the mask is stored as -b to b; a small b hides it from a mere blur and
            threshold (Chen 2023, arXiv:2301.10972).
    """

    schedule: SerializeAsAny[Schedule] = ShiftedCosine()
    levels: int = Field(default=1000, ge=1)
    signal_scale: float = Field(default=0.2, gt=0, le=1)


class Process:
    """The forward process on one grid: x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) eps.

    Args:
        settings: what a person chose.
        size: of the grid.
        coding: what the channels of a mask are.

    Source: Wu et al. 2022, MedSegDiff, section 3 (equation 0 of our specification); Ho et al. 2020.
    """

    def __init__(
        self, settings: ProcessSettings, size: tuple[int, ...], coding: MaskCoding = BINARY
    ) -> None:
        self.coding = coding
        self.signal_scale = settings.signal_scale
        self.alpha_bar = settings.schedule.alpha_bar(settings.levels, size)  # (T + 1,), float64

    @property
    def last_level(self) -> int:
        """T, the level of pure noise."""
        return len(self.alpha_bar) - 1

    def levels(self, steps: int, first: int | None = None) -> Int[Tensor, "{steps}+1"]:
        """Levels that a sampler of so many steps visits: T down to 0, even on the trained schedule.

        Args:
            steps: of the sampler.
            first: a lower level to begin at; None begins at T.

        Raises:
            ConfigError: more steps than levels.
        """
        first = self.last_level if first is None else first
        if not 1 <= steps <= first:
            raise ConfigError(
                f"{steps} sampling steps were asked for, but there are {first} noise levels to "
                f"visit. Choose 1 to {first} steps."
            )
        return torch.linspace(first, 0, steps + 1, dtype=torch.float64).round().long()

    def at(self, t: Level, like: Signal) -> tuple[Tensor, Tensor]:
        """Square roots of alpha_bar and 1 - alpha_bar at each level, shaped like a signal."""
        alpha_bar = self.alpha_bar[t.cpu()].view(-1, *[1] * (like.ndim - 1))
        return alpha_bar.sqrt().to(like), (1 - alpha_bar).sqrt().to(like)

    def diffuse(self, x_0: Signal, t: Level, eps: Signal) -> Signal:
        """Add noise to a clean signal up to level t (equation 0)."""
        signal, noise = self.at(t, x_0)
        return signal * x_0 + noise * eps

    def input_scale(self, t: Level, like: Signal) -> Tensor:
        """Factor that gives x_t unit variance before it enters the network."""
        signal, noise = self.at(t, like)
        return (signal**2 * self.signal_scale**2 + noise**2).rsqrt()

    def with_guess(self, seen: Signal, x_0: Signal | None) -> Float[Tensor, "B L *S"]:
        """What a network that self-conditions sees: a guess of the mask, -1 to 1, beside x_t.

        Args:
            seen: x_t, scaled.
            x_0: the guess; None, where there is none yet, shows zeros.
        """
        guess = torch.zeros_like(seen) if x_0 is None else x_0 / self.signal_scale
        return torch.cat([seen, guess], dim=1)

    def snr(self, t: Level, like: Signal) -> Tensor:
        """Signal-to-noise ratio at each level, signal scale included, shaped like a signal."""
        signal, noise = self.at(t, like)
        return (self.signal_scale * signal / noise) ** 2

    def signal(self, labels: Int[Tensor, "B *S"]) -> Signal:
        """Labels as the diffusion sees them: -b to b; ignored voxels count as background."""
        return self.from_probability(self.coding.encode(labels))

    def from_probability(self, probability: Signal) -> Signal:
        """Probability 0 to 1 as a signal -b to b."""
        return self.signal_scale * (2 * probability - 1)

    def probability(self, x_0: Signal) -> Signal:
        """A clean signal as probability; classes sum to 1, evenly if none has any."""
        probability = (x_0 / self.signal_scale + 1) / 2
        probability = probability.clamp(0, 1)
        if not self.coding.is_exclusive:
            return probability
        total = probability.sum(dim=1, keepdim=True)
        return torch.where(total > 0, probability / total, 1 / probability.shape[1])
