"""What can be said of a trained model from its weights and the figures that lie beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from medsegdiff.data import LabelMap
from medsegdiff.engine.checkpoint import STATE_FILE
from medsegdiff.engine.model_location import bundled_models, pointer
from medsegdiff.engine.weights import TrainedModel


def described(model: TrainedModel) -> dict[str, Any]:
    """What a model segments, on which images, how, and how well; unknown is None."""
    config, labels = model.config, model.config.labels
    sampler = model.predict.sampler.model_dump()
    return {
        "model": model.name,
        "classes": dict(zip(labels.names, labels.colours or labels.values, strict=True)),
        **_regions(labels),
        "channels": list(config.channel_names),
        "network": config.network.model_dump()["name"],
        "million_weights": parameter_count(model) / 1e6,
        "folds": len(model.networks),
        "grid": list(reversed(config.grid_size)),
        "objective": config.objective.model_dump()["name"],
        "threshold": config.threshold,
        "temperature": config.temperature,
        "members": model.predict.members,
        "sampler": f"{sampler['name']}, {sampler['steps']} steps",
        "ensemble": model.predict.ensemble.model_dump()["name"],
        "validation_dice": validation_dice(validation_figures(model) or figures_so_far(model)),
        "weights_hash": model.weights_hash,
    }


def _regions(labels: LabelMap) -> dict[str, Any]:
    """The stored numbers of each region; nothing where there is none."""
    stored = labels.colours or labels.values
    regions = {
        one.name: " + ".join(str(stored[index]) for index in one.classes) for one in labels.regions
    }
    return {"regions": regions} if regions else {}


def bundled_summaries() -> Iterator[dict[str, Any]]:
    """Name, classes, size and validation Dice of each bundled model."""
    for name, folder in bundled_models().items():
        facts = described(TrainedModel.load(folder, "cpu"))
        size = sum(file.stat().st_size for file in folder.glob("*.safetensors")) / 1e6
        yield {
            "model": name,
            "classes": list(facts["classes"])[1:],
            "channels": facts["channels"],
            "validation_dice": facts["validation_dice"],
            "megabytes": round(size, 1),
        }


def parameter_count(model: TrainedModel) -> int:
    """Number of weights of one network."""
    return sum(weight.numel() for weight in model.networks[0].parameters())


def validation_figures(model: TrainedModel) -> dict[str, Any]:
    """Figures that lie beside the weights: `metrics.json`, or the validation of a run's fold."""
    return _beside(model, "metrics.json", "validation/summary.json")


def figures_so_far(model: TrainedModel) -> dict[str, Any]:
    """The Dice of the best checkpoint of a run that is not finished; empty without one."""
    folder = home(model)
    for fold in (folder, *sorted(folder.glob("fold_*"))):
        best = pointer(fold, "best")
        if best is not None and (fold / best / STATE_FILE).is_file():
            state = json.loads((fold / best / STATE_FILE).read_text(encoding="utf-8"))
            return {"dice": state["best_dice"]}
    return {}


def calibration_figures(model: TrainedModel) -> dict[str, Any]:
    """What `calibration.json` beside the weights says."""
    return _beside(model, "calibration.json")


def validation_dice(figures: Mapping[str, Any]) -> float | None:
    """The mean Dice on the validation studies; None if it is not known."""
    return figures.get("validation_dice", figures.get("dice"))


def home(model: TrainedModel) -> Path:
    """The folder that a model was loaded from."""
    place = bundled_models().get(model.name, Path(model.name))
    return place.parent if place.is_file() else place


def _beside(model: TrainedModel, *names: str) -> dict[str, Any]:
    """The first of some JSON files that lies beside the weights; empty if there is none."""
    folder = home(model)
    for fold in (folder, *sorted(folder.glob("fold_*"))):
        for name in names:
            if (fold / name).is_file():
                return json.loads((fold / name).read_text(encoding="utf-8"))
    return {}
