"""From a study to its mask: the front page of the project."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

import medsegdiff
from medsegdiff.data import Prepared
from medsegdiff.diffusion import Denoiser, Noise, Process, probability_from_logits
from medsegdiff.engine.config import ModelConfig, PredictConfig
from medsegdiff.engine.postprocessing import cleaned
from medsegdiff.engine.precision import autocast, uses_bf16
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import ConfigError
from medsegdiff.models import SegmentationNetwork
from medsegdiff.types import Prediction, Sample, labels_from_probability

SMALLEST_SHARE, LARGEST_SHARE = 1e-5, 0.995  # of the image that a believable foreground covers


def predict(sample: Sample, model: TrainedModel, config: PredictConfig) -> Prediction:
    """Draw several masks for one study, fuse them, and return them on the study's own grid.

    The study with its members is the unit of computation: nothing depends on other studies, order
        or file names.

    Args:
        sample: as read from disk; its labels are not looked at.
        model: trained weights.
        config: sampler, members, ensemble and seed.

    Raises:
        DataError: the study has another number of channels than the weights expect.
        ConfigError: more steps than the weights know.
    """
    start = time.perf_counter()
    preparations = model.preparations or (model.config.preparation,) * len(model.networks)
    folds = [preparation.prepare(sample) for preparation in preparations]
    prepared = folds[0]  # all lie on the same grid
    members, head = draw_members(folds, model, config)  # (M, K, *S_net), (K, *S_net)
    fused = config.ensemble(members, head)
    probability = prepared.undo(fused.probability)  # (K, *S)
    entropy, information = prepared.undo(torch.stack([fused.uncertainty, fused.mutual_information]))
    threshold = config.threshold or model.config.threshold
    classes = model.config.labels.classes
    kind = torch.uint8 if classes <= 2**8 else torch.int64
    mask = cleaned(
        labels_from_probability(probability, threshold),
        classes,
        config.keep_largest,
        config.fill_holes,
    )
    return Prediction(
        study=sample.study,
        mask=mask,
        probability=probability,
        uncertainty=entropy,
        mutual_information=information,
        quality=fused.quality,
        members=torch.stack(
            [labels_from_probability(prepared.undo(m), threshold).to(kind) for m in members]
        ),
        geometry=sample.geometry,
        provenance=provenance(model, config, time.perf_counter() - start),
        image=sample.image,
        warnings=tuple(plain_warnings(mask)),
        path=sample.path,
    )


def draw_members(
    folds: Sequence[Prepared], model: TrainedModel, config: PredictConfig
) -> tuple[Float[Tensor, "M K *S"], Float[Tensor, "K *S"] | None]:
    """Draw the members' probabilities, and the condition head's, on the network's grid.

    With several folds, each draws its own members. Without members, or with a network that does
    not denoise, the head is the one member.
    """
    members: list[Tensor] = []
    heads: list[Tensor] = []
    process = model.process()
    with torch.inference_mode():
        for network, prepared in zip(model.networks, folds, strict=True):
            bound = bind(network, prepared.image.to(model.device), model.config, process, config)
            if bound.head is not None:
                heads.append(bound.head)
            if bound.denoise is None or config.members == 0:
                members.append(only_head(bound, model.name)[None])
            else:
                members.extend(sampled(bound.denoise, prepared, process, model, config))
        head = torch.stack(heads).mean(dim=0).cpu() if heads else None
        return torch.cat(members).cpu(), head


def sampled(
    denoise: Denoiser,
    prepared: Prepared,
    process: Process,
    model: TrainedModel,
    config: PredictConfig,
) -> Iterator[Float[Tensor, "M K *S"]]:
    """Probabilities of the members, in chunks that go through the network together."""
    shape = (model.config.mask_channels, *model.config.grid_size)
    for first in range(0, config.members, config.member_batch):
        chunk = range(first, min(first + config.member_batch, config.members))
        noise = Noise(prepared.digest, chunk, config.seed, shape)
        x_0 = config.sampler(denoise, noise().to(model.device), process, noise=noise)  # (M, K, *S)
        yield process.probability(x_0)


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
        denoise: (x_t, t) -> x_0; None if the network has only its head.
        head: the condition head's probability, shape (K, *S); None if it has none.
    """

    denoise: Denoiser | None
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
    head = None if condition.logits is None else probability_from_logits(condition.logits)[0]

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        levels = t.to(image.device)
        with autocast(config.precision, image.device):
            output = network.denoise(x_t * process.input_scale(t, x_t), levels, condition)
        return model.objective.x_0(output, x_t, levels, process)

    return BoundNetwork(denoise if network.denoises else None, head)


def provenance(model: TrainedModel, config: PredictConfig, seconds: float) -> dict[str, object]:
    """Everything needed to make the same prediction again."""
    return {
        "version": medsegdiff.__version__,
        "model": model.name,
        "weights_hash": model.weights_hash,
        "predict": config.model_dump(mode="json"),
        "device": str(model.device),
        "precision": "bf16" if uses_bf16(config.precision, model.device) else "fp32",
        "threads": torch.get_num_threads(),
        "seconds": round(seconds, 4),
    }


def plain_warnings(mask: Tensor) -> Iterator[str]:
    """What the user should look at, in plain words."""
    share = float((mask > 0).float().mean())
    if share < SMALLEST_SHARE:
        yield "The mask is empty: nothing of the foreground classes was found."
    elif share > LARGEST_SHARE:
        yield (
            "The mask covers nearly the whole image: check that the image is of the kind that the "
            "model was trained on."
        )
