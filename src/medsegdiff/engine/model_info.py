"""What can be said of a trained model from its weights and the figures that lie beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from medsegdiff.data import LabelMap
from medsegdiff.engine.model_header import beside, home, validation_dice, validation_figures
from medsegdiff.engine.model_location import STATE_FILE, bundled_models, pointer
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
        "validation_dice": validation_dice(validation_figures(model.name) or figures_so_far(model)),
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
    """Name, images, classes, size and validation Dice of each bundled model."""
    for name, folder in bundled_models().items():
        facts = described(TrainedModel.load(folder, "cpu"))
        size = sum(file.stat().st_size for file in folder.glob("*.safetensors")) / 1e6
        yield {
            "model": name,
            "images": "pictures" if len(facts["grid"]) == 2 else "volumes",
            "classes": list(facts["classes"])[1:],
            "channels": facts["channels"],
            "validation_dice": facts["validation_dice"],
            "megabytes": round(size, 1),
        }


def parameter_count(model: TrainedModel) -> int:
    """Number of weights of one network."""
    return sum(weight.numel() for weight in model.networks[0].parameters())


def figures_so_far(model: TrainedModel) -> dict[str, Any]:
    """The Dice of the best checkpoint of a run that is not finished; empty without one."""
    folder = home(model.name)
    for fold in (folder, *sorted(folder.glob("fold_*"))):
        best = pointer(fold, "best")
        if best is not None and (fold / best / STATE_FILE).is_file():
            state = json.loads((fold / best / STATE_FILE).read_text(encoding="utf-8"))
            return {"dice": state["best_dice"]}
    return {}


def calibration_figures(model: TrainedModel) -> dict[str, Any]:
    """What `calibration.json` beside the weights says."""
    return beside(model.name, "calibration.json")
