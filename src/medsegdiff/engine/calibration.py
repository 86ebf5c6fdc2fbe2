"""What validation chooses: a temperature at which probabilities come true, and a threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medsegdiff.data import Dataset
from medsegdiff.data.sampling import every_nth
from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.predict import predict
from medsegdiff.engine.step_count import Progress
from medsegdiff.engine.validation import THRESHOLDS, ValidationResult, evenly_spread, validate
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.ensemble import tempered
from medsegdiff.metrics import Calibration, CalibrationError
from medsegdiff.types import IGNORED, MaskCoding

WIDEST = 3.0  # of ln T, either way: from 1/20 to 20
VOXELS_OF_EACH = 2**14
STUDIES_FITTED = 64  # at most: they are predicted once more for it


@dataclass(frozen=True)
class FittedTemperature:
    """A temperature, and what it does on the voxels that it was fitted on.

    Args:
        temperature: the logits of the fused probability are divided by it.
        studies: how many.
        before, after: calibration of their voxels.
    """

    temperature: float
    studies: int
    before: Calibration
    after: Calibration

    @property
    def says_nothing(self) -> bool:
        """Whether the search ended at its upper bound, where all probabilities are nearly alike."""
        return math.log(self.temperature) > WIDEST - 0.01

    def to_json(self) -> dict[str, Any]:
        """For `calibration.json`."""
        return {
            "temperature": self.temperature,
            "studies": self.studies,
            "before": asdict(self.before),
            "after": asdict(self.after),
        }


@dataclass(frozen=True)
class Fitted:
    """A model that knows at what temperature and threshold it is best.

    Args:
        model: with both.
        temperature: and what it does.
        validation: the Dice, at the threshold.
    """

    model: TrainedModel
    temperature: FittedTemperature
    validation: ValidationResult


def fit(
    model: TrainedModel,
    dataset: Dataset,
    studies: Sequence[str],
    config: PredictConfig,
    progress: Progress | None = None,
) -> Fitted:
    """Choose the temperature, and then the threshold, for one way to draw masks.

    Args:
        model: what it had of both is left out of account.
        dataset: where the studies are.
        studies: names; it was not trained on them, and each must have a mask. The temperature is
            fitted on at most 64 of them, evenly spread.
        config: how masks are drawn.
        progress: called with the steps of each study; what it raises breaks it off.
    """
    some = evenly_spread(studies, STUDIES_FITTED)
    temperature = fit_temperature(model, dataset, some, config, progress)
    model = _with(model, temperature=temperature.temperature)
    validation = validate(model, dataset, studies, config, THRESHOLDS, progress=progress)
    return Fitted(_with(model, threshold=validation.threshold), temperature, validation)


def _with(model: TrainedModel, **update: float) -> TrainedModel:
    return replace(model, config=model.config.model_copy(update=update))


def fit_temperature(
    model: TrainedModel,
    dataset: Dataset,
    studies: Sequence[str],
    config: PredictConfig,
    progress: Progress | None = None,
) -> FittedTemperature:
    """The temperature at which the truth of some voxels is likeliest, at native size.

    Args:
        model: a temperature of its own is left out of account.
        dataset: where the studies are.
        studies: names; it was not trained on them, and each must have a mask.
        config: how masks are drawn.
        progress: called with the steps of each study; what it raises breaks it off.
    """
    plain = config.model_copy(update={"calibrated": False})
    seen: list[Tensor] = []
    for study in studies:
        sample = dataset.load(study)
        assert sample.labels is not None
        probability = predict(sample, model, plain, progress).probability
        truth = every_nth(sample.labels[None], VOXELS_OF_EACH).float()
        seen.append(torch.cat([every_nth(probability, VOXELS_OF_EACH), truth]))
    voxels = torch.cat(seen, dim=1)  # (K + 1, n)
    probability, labels = voxels[:-1], voxels[-1].long()
    coding = model.config.coding
    temperature = likeliest_temperature(probability, labels, coding)
    before, after = (
        _calibration(tempered(probability, one, coding), labels, coding)
        for one in (1.0, temperature)
    )
    return FittedTemperature(temperature, len(studies), before, after)


def likeliest_temperature(
    probability: Float[Tensor, "K n"], labels: Int[Tensor, "n"], coding: MaskCoding | None = None
) -> float:
    """The temperature of the least NLL, 1/20 to 20, to four digits.

    The NLL has one minimum: it is convex in 1/T.

    Args:
        probability: as in `Prediction`, of n voxels.
        labels: their truth; ignored voxels count nowhere.
        coding: what the channels are; None takes one as binary and several as classes.

    Source: Guo et al. 2017, arXiv:1706.04599, section 4.2.
    """
    from scipy.optimize import minimize_scalar  # slow to import

    coding = coding or MaskCoding.of_channels(len(probability))
    known = labels != IGNORED
    if not known.any():
        return 1.0
    exact, truth = probability[:, known].double(), coding.encode(labels[None, known])[0] > 0

    def nll(log_temperature: float) -> float:
        scaled = tempered(exact, math.exp(log_temperature), coding)
        if coding.is_exclusive:
            return -float((scaled * truth).sum(dim=0).log().mean())
        return -float(scaled.where(truth, 1 - scaled).log().mean())

    found: Any = minimize_scalar(nll, bounds=(-WIDEST, WIDEST), method="bounded")
    return float(f"{math.exp(found.x):.4g}")


def _calibration(
    probability: Float[Tensor, "K n"], labels: Int[Tensor, "n"], coding: MaskCoding
) -> Calibration:
    error = CalibrationError()
    error.add(probability, labels, coding)
    return error.result().everywhere
