"""A first look: the bundled images segmented with the bundled weights, on one sheet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from medsegdiff.data import Folder
from medsegdiff.data.contact_sheet import contact_sheet
from medsegdiff.data.pictures import heat_map, overlay, picture
from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.model_location import DEMONSTRATED, bundled_models
from medsegdiff.engine.outputs import StudyPrediction, write_picture
from medsegdiff.engine.predict import predict
from medsegdiff.engine.settings import with_predict
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import CheckpointError
from medsegdiff.metrics import Dice
from medsegdiff.types import Sample

MODEL = DEMONSTRATED
MEMBERS = 8
SIDE = 256  # pixels, of each picture on the sheet


@dataclass(frozen=True)
class DemoResult:
    """One image of the demonstration.

    Args:
        sample: the image with its true mask.
        prediction: what the model made of it.
        dice: overlap of both, mean over the classes, 0 to 1.
        seconds: for the prediction.
    """

    sample: Sample
    prediction: StudyPrediction
    dice: float
    seconds: float


def samples_of(model: str) -> Folder:
    """The images with masks that come with a bundled model.

    Raises:
        CheckpointError: there is no such model, or it has no images.
    """
    folder = bundled_models().get(model)
    if folder is None or not (folder / "samples").is_dir():
        known = ", ".join(bundled_models()) or "none"
        raise CheckpointError(
            f"There is no bundled model {model!r} with images. Bundled models: {known}."
        )
    return Folder(root=folder / "samples")


def demonstrate(
    dataset: Folder, model: TrainedModel, config: PredictConfig | None = None
) -> Iterator[DemoResult]:
    """Segment every image of a data set with masks.

    Args:
        dataset: images with masks.
        model: trained weights.
        config: None draws eight members, and keeps the settings of the weights in all else.
    """
    config = config or with_predict(model.predict, members=MEMBERS)
    dice = Dice(classes=model.config.labels.classes)
    for study in dataset.annotated_ids():
        sample = dataset.load(study)
        started = time.perf_counter()
        prediction = StudyPrediction.of(predict(sample, model, config), model.config.labels)
        seconds = time.perf_counter() - started
        overlap = (
            0.0 if sample.labels is None else float(dice(prediction.mask, sample.labels).mean())
        )
        yield DemoResult(sample, prediction, overlap, seconds)


def write_sheet(path: Path, results: list[DemoResult]) -> None:
    """Write one PNG with a row for each image: itself, both outlines, and the uncertainty."""
    write_picture(path, demo_sheet(results))


def demo_sheet(results: list[DemoResult]) -> Image.Image:
    """Two images in a row, each as itself, with truth (white) and prediction, and as heat."""
    tiles = []
    for result in results:
        sample, found = result.sample, result.prediction
        drawn = overlay(sample.image, found.mask, sample.labels, side=SIDE)
        heat = heat_map(found.uncertainty, found.highest_uncertainty, side=SIDE)
        tiles += [
            (picture(sample.image, SIDE), result.sample.study),
            (drawn, f"white: truth, colour: prediction, Dice {result.dice:.3f}"),
            (heat, "uncertainty"),
        ]
    return contact_sheet(tiles, columns=6 if len(results) > 1 else 3, side=SIDE)
