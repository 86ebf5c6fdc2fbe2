"""From a study to its mask: the front page of the project."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from torch import Tensor

import medsegdiff
from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.members import draw_members
from medsegdiff.engine.postprocessing import mask_of
from medsegdiff.engine.precision import uses_bf16
from medsegdiff.engine.weights import TrainedModel
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
    mask = mask_of(probability, threshold, config)
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
