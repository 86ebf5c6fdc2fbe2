"""Validation as users predict: masks drawn with the averaged weights, compared at native size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch
from PIL import Image
from torch import Tensor

from medsegdiff.data import Dataset
from medsegdiff.data.contact_sheet import contact_sheet
from medsegdiff.data.legend import LegendEntry, legend_of
from medsegdiff.data.pictures import heat_map, overlay
from medsegdiff.data.planes import planes
from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.postprocessing import mask_of
from medsegdiff.engine.predict import predict
from medsegdiff.engine.step_count import Progress
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.files import atomic_write
from medsegdiff.metrics import Dice
from medsegdiff.types import IGNORED, MaskCoding, Prediction

THRESHOLDS = tuple(round(0.3 + 0.05 * i, 2) for i in range(9))  # 0.3 to 0.7
PICTURED = 6


@dataclass(frozen=True)
class ValidationResult:
    """How good the model is on the validation studies.

    Args:
        dice: mean over studies and structures (foreground classes, or regions) of the mask at
            native size, 0 to 1.
        threshold: at which it was reached; for classes 0.5, which does nothing.
        per_study: mean Dice over the structures of each study, by name.
    """

    dice: float
    threshold: float
    per_study: dict[str, float]


def validate(
    model: TrainedModel,
    dataset: Dataset,
    studies: Sequence[str],
    config: PredictConfig,
    thresholds: Sequence[float] = (0.5,),
    picture: Path | None = None,
    progress: Progress | None = None,
) -> ValidationResult:
    """Predict each study and take the Dice of its mask.

    Args:
        model: the weights to validate.
        dataset: where the studies are.
        studies: names; each must have a mask.
        config: sampler and members.
        thresholds: those to choose from, for a binary task or regions.
        picture: PNG to write with truth, prediction and uncertainty of the first studies.
        progress: called with the steps of each study; what it raises breaks the validation off.
    """
    coding = model.config.coding
    choices = (0.5,) if coding.is_exclusive else thresholds
    scores: dict[float, dict[str, float]] = {threshold: {} for threshold in choices}
    shown: list[tuple[Prediction, Tensor]] = []
    for study in studies:
        sample = dataset.load(study)
        assert sample.labels is not None
        prediction = predict(sample, model, config, progress)
        for threshold in choices:
            labels = mask_of(prediction.probability, threshold, config, coding)
            scores[threshold][study] = mean_dice(labels, sample.labels, coding)
        if picture is not None and len(shown) < PICTURED:
            shown.append((prediction, sample.labels))
    best = max(
        choices, key=lambda threshold: (fmean(scores[threshold].values()), -abs(threshold - 0.5))
    )
    if picture is not None:
        drawn = sheet(shown, scores[best], legend_of(model.config.labels))
        atomic_write(picture, lambda file: drawn.save(file, format="PNG"))
    return ValidationResult(fmean(scores[best].values()), best, scores[best])


def mean_dice(prediction: Tensor, truth: Tensor, coding: MaskCoding) -> float:
    """Mean over the structures of the Dice of two label maps; ignored voxels count nowhere."""
    known = truth != IGNORED
    pairs = zip(coding.masks(prediction), coding.masks(truth), strict=True)
    scores = [Dice().of_masks(found & known, there) for found, there in pairs]
    return float(torch.tensor(scores, dtype=torch.float64).mean())


def sheet(
    shown: Sequence[tuple[Prediction, Tensor]],
    dice: dict[str, float],
    legend: Sequence[LegendEntry] = (),
) -> Image.Image:
    """Truth (white) and prediction (colour) on each image, with the uncertainty beside it."""
    tiles = []
    for prediction, truth in shown:
        caption = f"{prediction.study}  Dice {dice[prediction.study]:.3f}"
        plane = planes(truth, prediction.geometry)[0]  # of a volume the axial one
        found = [plane.of(one) for one in (prediction.image, prediction.mask, truth)]
        tiles.append((overlay(*found, side=192), caption))
        tiles.append((heat_map(plane.of(prediction.uncertainty), side=192), "uncertainty"))
    return contact_sheet(tiles, columns=4, legend=legend)


def evenly_spread(studies: Sequence[str], count: int) -> list[str]:
    """At most `count` studies, evenly spread over the sorted names."""
    ordered = sorted(studies)
    if len(ordered) <= count:
        return ordered
    return [ordered[int(i)] for i in torch.linspace(0, len(ordered) - 1, count).round().long()]
