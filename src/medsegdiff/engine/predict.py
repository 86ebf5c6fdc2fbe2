"""From a study to its mask: the front page of the project."""

from __future__ import annotations

import time

import torch
from jaxtyping import Float, Integer
from torch import Tensor

import medsegdiff
from medsegdiff.data import Prepared
from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.members import draw_members
from medsegdiff.engine.plain_warnings import plain_warnings
from medsegdiff.engine.postprocessing import mask_of
from medsegdiff.engine.precision import uses_bf16
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.ensemble import tempered
from medsegdiff.types import Prediction, Sample, labels_from_probability


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
    temperature = model.config.temperature if config.calibrated else 1.0
    probability = tempered(prepared.undo(fused.probability), temperature)  # (K, *S)
    entropy, information = prepared.undo(torch.stack([fused.uncertainty, fused.mutual_information]))
    threshold = config.threshold or model.config.threshold
    mask = mask_of(probability, threshold, config)
    return Prediction(
        study=sample.study,
        mask=mask,
        probability=probability,
        uncertainty=entropy,
        mutual_information=information,
        quality=fused.quality,
        members=torch.stack([cut(one, threshold, temperature, prepared) for one in members]),
        geometry=sample.geometry,
        provenance=provenance(model, config, time.perf_counter() - start),
        image=sample.image,
        warnings=tuple(plain_warnings(mask, sample.image, model.config)),
        path=sample.path,
    )


def cut(
    member: Float[Tensor, "K *S_net"], threshold: float, temperature: float, prepared: Prepared
) -> Integer[Tensor, "*S"]:
    """A member's labels on the study's own grid, cut where the fused mask is; uint8 if they fit."""
    labels = labels_from_probability(tempered(prepared.undo(member), temperature), threshold)
    return labels.to(torch.uint8) if len(member) <= 2**8 else labels


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
