"""The members of a prediction: one look at the image, then walks from noise to masks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from medsegdiff.diffusion import Noise, Process, Sampler, probability_from_logits
from medsegdiff.engine.config import ModelConfig, PredictConfig
from medsegdiff.engine.precision import autocast, true_float32
from medsegdiff.engine.step_count import StepCount
from medsegdiff.engine.view import View
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.ensemble import fused_steps
from medsegdiff.errors import ConfigError
from medsegdiff.models import SegmentationNetwork


@runtime_checkable
class BoundDenoiser(Protocol):
    """Estimates the clean signal of the image that is bound to it."""

    def __call__(self, x_t: Tensor, t: Tensor, last: Tensor | None = None) -> Tensor:
        """Return x_0 for each x_t at its level; `last` is the estimate of the step before."""
        ...


def draw_members(
    views: Sequence[View], model: TrainedModel, config: PredictConfig, count: StepCount
) -> tuple[Float[Tensor, "M K *S"], Float[Tensor, "K *S"] | None]:
    """Draw the members' probabilities, and the condition head's, of what the network sees.

    There is one view for each fold, and each fold draws its own members. Without members, or with
    a network that does not denoise, the head is the one member. Every step is counted.
    """
    members: list[Tensor] = []
    heads: list[Tensor] = []
    process = model.process()
    with torch.inference_mode(), true_float32():
        for network, view in zip(
            model.ready(config.precision, config.compiled), views, strict=True
        ):
            bound = bind(network, view.image.to(model.device), model.config, process, config)
            if bound.head is not None:
                heads.append(bound.head)
            if bound.denoise is None or config.members == 0:
                members.append(only_head(bound, model.name)[None])
                count.step()
            else:
                estimates = Estimates(bound.denoise, config.step_fusion, count)
                drawn = sampled(estimates, bound.head, view, process, model, config)
                members.append(drawn)
        head = torch.stack(heads).mean(dim=0).cpu() if heads else None
        return torch.cat(members).cpu(), head


def sampled(
    estimates: Estimates,
    head: Float[Tensor, "K *S"] | None,
    view: View,
    process: Process,
    model: TrainedModel,
    config: PredictConfig,
) -> Float[Tensor, "M K *S"]:
    """Probabilities of the members, drawn in chunks that go through the network together.

    Where a chunk is too large for the device, it is drawn anew in halves: the members are the same.
    """
    chunks: list[Tensor] = []
    drawn = 0
    while drawn < config.members:
        most = model.fitting.rows(config.member_batch)
        chunk = range(drawn, min(drawn + most, config.members))
        noise = view.noise(chunk, config.seed, model.config.mask_channels, model.device)
        with suppress(torch.OutOfMemoryError):
            chunks.append(walked(estimates, noise, head, process, config.sampler))
            drawn = chunk.stop
            continue
        model.fitting.halve(len(chunk))
    return fused_steps(torch.cat(chunks, dim=1), process.coding)


def walked(
    estimates: Estimates,
    noise: Noise,
    head: Float[Tensor, "K *S"] | None,
    process: Process,
    sampler: Sampler,
) -> Float[Tensor, "I M K *S"]:
    """Probabilities of one chunk of members after each step that is kept; else after the last."""
    estimates.begin()
    x = begun(noise(), head, process, sampler)
    x_0 = sampler(estimates, x, process, noise=noise)  # (M, K, *S)
    kept = torch.stack(estimates.x_0 or [x_0])  # (I, M, K, *S)
    return process.probability(kept.flatten(0, 1)).view(kept.shape)


def begun(
    noise: Float[Tensor, "M K *S"],
    head: Float[Tensor, "K *S"] | None,
    process: Process,
    sampler: Sampler,
) -> Float[Tensor, "M K *S"]:
    """What the walks begin with: noise, or the condition head's mask made noisy.

    Raises:
        ConfigError: a warm start with a network that has no head.
    """
    level = sampler.first_level(process)
    if level == process.last_level:
        return noise
    if head is None:
        raise ConfigError(
            f"sampler.start={sampler.start} begins with the condition head's mask, but this "
            "network has no head. Set sampler.start=1."
        )
    guess = process.from_probability(head).expand(noise.shape)
    return process.diffuse(guess, torch.full((len(noise),), level), noise)


class Estimates:
    """A denoiser that counts its steps, knows its last estimate, and keeps all if that is wanted.

    Args:
        denoise: (x_t, t, last estimate) -> x_0.
        is_kept: whether to keep all.
        count: of the prediction.
    """

    def __init__(self, denoise: BoundDenoiser, is_kept: bool, count: StepCount) -> None:
        self.denoise = denoise
        self.is_kept = is_kept
        self.count = count
        self.begin()

    def begin(self) -> None:
        """Forget all: another walk begins."""
        self.x_0: list[Float[Tensor, "M K *S"]] = []
        self.last: Float[Tensor, "M K *S"] | None = None

    def __call__(self, x_t: Tensor, t: Tensor) -> Tensor:
        x_0 = self.last = self.denoise(x_t, t, self.last)
        self.count.step()
        if self.is_kept:
            self.x_0.append(x_0)
        return x_0


def only_head(bound: BoundNetwork, name: str) -> Float[Tensor, "K *S"]:
    """The condition head's probability, for a prediction without any noise.

    Raises:
        ConfigError: the network has no head.
    """
    if bound.head is None:
        raise ConfigError(f"{name} has no condition head: ask for at least one member.")
    return bound.head


@dataclass(frozen=True)
class BoundNetwork:
    """A network to which one image is bound: from here on nobody needs the image.

    Args:
        denoise: (x_t, t, last x_0) -> x_0; None if the network has only its head.
        head: the condition head's probability, shape (K, *S); None if it has none.
    """

    denoise: BoundDenoiser | None
    head: Float[Tensor, "K *S"] | None


def bind(
    network: SegmentationNetwork,
    image: Float[Tensor, "C *S"],
    model: ModelConfig,
    process: Process,
    config: PredictConfig,
) -> BoundNetwork:
    """Look at the image once and return what is left to do for each noisy mask."""
    with autocast(config.precision, image.device):
        condition = network.condition(image[None])
    head = None
    if condition.logits is not None:
        head = probability_from_logits(condition.logits, process.coding)[0]

    def denoise(x_t: Tensor, t: Tensor, last: Tensor | None = None) -> Tensor:
        levels = t.to(image.device)
        seen = x_t * process.input_scale(t, x_t)
        if network.self_conditions:
            seen = process.with_guess(seen, last)
        with autocast(config.precision, image.device):
            output = network.denoise(seen, levels, condition)
        return model.objective.x_0(output, x_t, levels, process)

    return BoundNetwork(denoise if network.denoises else None, head)
