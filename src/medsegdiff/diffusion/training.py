"""One training loss: make the masks noisy, denoise them, compare with the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from medsegdiff.component import Config
from medsegdiff.diffusion.objectives import Objective
from medsegdiff.diffusion.process import Level, Process, Signal, Weight

SHARE_WITH_GUESS = 0.5  # of the batches, as in the paper on self-conditioning


class NoiseRecipe(Config):
    """How the noisy masks of a training batch are made.

    Args:
        recycling: probability that a batch is made from the network's own guess at pure noise
            instead of from the truth, so that training sees what sampling sees (Fu et al. 2023,
            arXiv:2303.06040).
        share_at_last_level: part of the batch at t = T, where sampling starts.
    """

    recycling: float = Field(default=0.5, ge=0, le=1)
    share_at_last_level: float = Field(default=0.2, ge=0, le=1)


@runtime_checkable
class Network(Protocol):
    """The network with the images of the batch bound to it."""

    def __call__(self, x_t: Signal, t: Level) -> Signal:
        """Return the raw output, whatever the objective says it is."""
        ...


@dataclass(frozen=True)
class NoiseDraw:
    """Everything random about one training batch, drawn before it is used.

    Args:
        t: level of each row, shape (B,).
        eps: noise of each row, shape (B, K, *S).
        start: pure noise to make the recycled guess from; None when this batch is not recycled.
        shows_guess: whether a network that self-conditions is shown a guess.
    """

    t: Level
    eps: Signal
    start: Signal | None
    shows_guess: bool = False

    @classmethod
    def draw(
        cls,
        shape: tuple[int, ...],
        last_level: int,
        recipe: NoiseRecipe,
        generator: torch.Generator,
    ) -> NoiseDraw:
        """Draw for clean signals of this shape (B, K, *S); the generator lives on the CPU."""
        t = draw_levels(shape[0], last_level, recipe.share_at_last_level, generator)
        eps = torch.randn(shape, generator=generator)
        is_recycled = bool(torch.rand((), generator=generator) < recipe.recycling)
        start = torch.randn(shape, generator=generator) if is_recycled else None
        shows_guess = bool(torch.rand((), generator=generator) < SHARE_WITH_GUESS)
        return cls(t, eps, start, shows_guess)

    def mapped(self, change: Callable[[Tensor], Tensor]) -> NoiseDraw:
        """The same change of all tensors: some rows of them, or another device."""
        start = None if self.start is None else change(self.start)
        return NoiseDraw(change(self.t), change(self.eps), start, self.shows_guess)


def diffusion_loss(
    network: Network,
    x_0: Signal,
    draw: NoiseDraw,
    process: Process,
    objective: Objective,
    weight: Weight | None = None,
    self_conditions: bool = False,
) -> Float[Tensor, " B"]:
    """Loss of each row of a batch of clean signals (equation 7, for any objective).

    Args:
        network: gives the raw output for (x_t, t), x_t scaled to unit variance.
        x_0: the truth, shape (B, K, *S).
        draw: levels and noise of these rows.
        process: forward process on this grid.
        objective: what the output means.
        weight: 0 where voxels are ignored; None counts all.
        self_conditions: whether the network sees a guess beside x_t.
    """
    clean = x_0
    if draw.start is not None:
        with torch.no_grad():
            clean = guess(network, draw.start, process, objective, self_conditions)
    x_t = process.diffuse(clean, draw.t, draw.eps)
    seen = x_t * process.input_scale(draw.t, x_t)
    if self_conditions:
        last = None
        if draw.shows_guess:
            with torch.no_grad():
                first = network(process.with_guess(seen, None), draw.t)
                last = objective.x_0(first, x_t, draw.t, process)
        seen = process.with_guess(seen, last)
    output = network(seen, draw.t)
    return objective.loss(output, x_0, x_t, draw.t, process, weight)


def guess(
    network: Network,
    noise: Signal,
    process: Process,
    objective: Objective,
    self_conditions: bool = False,
) -> Signal:
    """The network's estimate of the clean signal from pure noise, as sampling begins."""
    last = torch.full((len(noise),), process.last_level, device=noise.device)
    x_T = noise
    seen = process.with_guess(x_T, None) if self_conditions else x_T
    return objective.x_0(network(seen, last), x_T, last, process)


def draw_levels(
    count: int, last_level: int, share_at_last: float, generator: torch.Generator
) -> Level:
    """Levels 1 to T, stratified so that each batch covers the range; a share of them at T."""
    offset = torch.rand(count, generator=generator, dtype=torch.float64)
    t = ((torch.arange(count) + offset) / count * last_level).floor().long() + 1
    t = t.clamp(max=last_level)
    at_last = torch.rand(count, generator=generator) < share_at_last
    return torch.where(at_last, torch.full_like(t, last_level), t)
