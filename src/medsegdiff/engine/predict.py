"""From a study to its mask: the front page of the project."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Integer
from torch import Tensor

import medsegdiff
from medsegdiff.data import Prepared
from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.member_cut import MemberCut, threshold_of
from medsegdiff.engine.members import draw_members
from medsegdiff.engine.plain_warnings import image_warnings, mask_warnings
from medsegdiff.engine.postprocessing import mask_of
from medsegdiff.engine.precision import uses_bf16
from medsegdiff.engine.step_count import Progress, StepCount, steps_of_a_view
from medsegdiff.engine.view import View
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.engine.windows import blended
from medsegdiff.ensemble import expected_dice, tempered
from medsegdiff.types import Fused, Prediction, Sample

Warn = Callable[[str, Sequence[str]], object]


def predict(
    sample: Sample,
    model: TrainedModel,
    config: PredictConfig,
    progress: Progress | None = None,
    warn: Warn | None = None,
) -> Prediction:
    """Draw several masks for one study, fuse them, and return them on the study's own grid.

    The study with its members is the unit of computation: nothing depends on other studies, order
    or file names.

    Args:
        sample: as read from disk; its labels are not looked at.
        model: trained weights.
        config: sampler, members, ensemble and seed.
        progress: called with (steps done, steps in all) as it goes on; what it raises stops it.
        warn: called before the first step with the study and what is unusual in its image; the
            prediction has these warnings, too. What it raises stops it.

    Raises:
        DataError: the study has another number of channels than the weights expect.
        ConfigError: more steps than the weights know.
    """
    start = time.perf_counter()
    folds = prepared(sample, model)
    unusual = tuple(image_warnings(sample, model.config))
    if warn is not None:
        warn(sample.study, unusual)
    fused, members = fused_and_members(folds, model, config, StepCount(progress))
    placement, grid_voxels = folds[0].placement, folds[0].image[0].numel()  # of all folds
    maps = [fused.uncertainty[None], fused.mutual_information[None], fused.probability]
    coding = model.config.coding
    del folds, fused  # of a large volume, each copy counts: a map goes as soon as it is undone
    entropy, information, probability = (placement.undo(maps.pop(0)) for _ in range(len(maps)))
    probability = tempered(probability, model.temperature(config), coding)
    mask = mask_of(probability, threshold_of(model, config), config, coding)
    return Prediction(
        study=sample.study,
        mask=mask,
        probability=probability,
        uncertainty=entropy[0],
        mutual_information=information[0],
        quality=expected_dice(probability, mask, coding),
        members=members,
        geometry=sample.geometry,
        provenance=provenance(model, config, time.perf_counter() - start),
        image=sample.image,
        warnings=(*mask_warnings(mask, grid_voxels), *unusual),
        path=sample.path,
    )


def prepared(sample: Sample, model: TrainedModel) -> list[Prepared]:
    """The study as each fold's network sees it."""
    preparations = model.preparations or (model.config.preparation,) * len(model.networks)
    return [preparation.prepare(sample) for preparation in preparations]


def fused_and_members(
    folds: Sequence[Prepared], model: TrainedModel, config: PredictConfig, count: StepCount
) -> tuple[Fused, Integer[Tensor, "M *S"]]:
    """What the members make together on the network's grid, and each one's labels on the study's.

    The labels are uint8 if that holds all classes.
    """
    placement, coding = folds[0].placement, model.config.coding
    cut = MemberCut.of(model, config, folds[0].digest)
    if model.config.preparation.grid.is_tiled:
        fused, drawn = blended(folds, model, config, cut, count)
        labels = [placement.undo_labels(one, coding.classes) for one in drawn]
        del drawn
    else:
        count.begin(steps_of_a_view(model, config))
        members, head = draw_members([View.whole(one) for one in folds], model, config, count)
        labels = cut.all(map(placement.undo, members))  # (M, K, *S_net) to M x (*S)
        fused = config.ensemble(members, head, coding, cut.temperature)
    return fused, torch.stack(labels)


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
