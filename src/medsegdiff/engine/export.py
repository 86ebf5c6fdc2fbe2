"""From a trained model to a MODEL folder that is usable alone, with its card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import medsegdiff
from medsegdiff.engine.model_header import home, validation_dice, validation_figures
from medsegdiff.engine.model_info import calibration_figures, parameter_count
from medsegdiff.engine.weights import TrainedModel

CARD = """# {name}

Segments {classes} on {channels} images. Written by `medsegdiff export`, version {version}.

    medsegdiff predict -i IMAGES -o OUT -m {name}

| | |
|---|---|
| network | {network}, {parameters:.1f} million weights |
| grid | {grid} pixels; masks come back at the image's own size |
| stored label values | {values} |
| threshold | {threshold} |
| temperature | {temperature} |
| validation Dice | {dice} |
| weights | of {weights_hash}, stored as float16 |

## Data

Say here on which images it was trained, of whom, from which machines, and under which licence.

## Limits

It knows only images like those it was trained on, and it may be wrong without looking unsure.
**Not a medical device**: for research; a person who can judge the image must look at every mask.
"""


def export_model(model: TrainedModel, folder: Path) -> None:
    """Write a MODEL folder: weights (float16), config, card, metrics, calibration, checksums.

    A card and figures that lie beside the weights are kept.

    Raises:
        CheckpointError: the model has several folds.
    """
    metrics = validation_figures(model.name)
    card = existing_card(model) or model_card(model, folder.name, metrics)
    model.save(folder, card, metrics, calibration_figures(model))


def model_card(model: TrainedModel, name: str, metrics: Mapping[str, Any]) -> str:
    """The card of a model about which only its weights are known."""
    config, labels = model.config, model.config.labels
    dice = validation_dice(metrics)
    return CARD.format(
        name=name,
        classes=", ".join(labels.structure_names),
        channels="/".join(config.channel_names),
        version=medsegdiff.__version__,
        network=config.network.model_dump()["name"],
        parameters=parameter_count(model) / 1e6,
        grid=" x ".join(map(str, reversed(config.grid_size))),
        values=", ".join(map(str, labels.colours or labels.values)),
        threshold=config.threshold,
        temperature=config.temperature,
        dice="unknown" if dice is None else f"{dice:.4f}",
        weights_hash=model.weights_hash,
    )


def existing_card(model: TrainedModel) -> str | None:
    """The card in the folder that the model was loaded from, if it has one."""
    file = home(model.name) / "README.md"
    return file.read_text(encoding="utf-8") if file.is_file() else None
