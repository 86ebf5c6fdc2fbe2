"""What the page must know of a model before anything is sent: classes, settings, samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medsegdiff.engine.demo import samples_of
from medsegdiff.engine.layers import class_colour, thumbnail
from medsegdiff.engine.model_info import validation_dice, validation_figures
from medsegdiff.engine.model_location import bundled_models
from medsegdiff.engine.outputs import write_picture
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import CheckpointError

MOST_MEMBERS, MOST_STEPS, LARGEST_SEED = 64, 250, 2**53 - 1  # a page's numbers are 53 bits
THUMBNAIL_SIDE = 256


def description(model_id: str, place: str, model: TrainedModel, thumbnails: Path) -> dict[str, Any]:
    """Describe a model as the API shows it; its samples still lack the addresses of pictures.

    Args:
        model_id: its name on the page.
        place: where it was loaded from.
        model: loaded.
        thumbnails: folder for small pictures of its samples.
    """
    labels = model.config.labels
    return {
        "id": model_id,
        "title": model_id.replace("-", " ").replace("_", " ").capitalize(),
        "description": _about(model),
        "space_dims": len(model.config.preparation.grid.size),
        "channel_names": list(model.config.channel_names),
        "classes": [
            {"index": index, "name": name, "color": class_colour(index)}
            for index, name in enumerate(labels.names)
        ],
        "settings_schema": settings_schema(model),
        "samples": _samples(place, thumbnails) if place in bundled_models() else [],
    }


def settings_schema(model: TrainedModel) -> dict[str, Any]:
    """JSON schema of what a person may choose for a job, with the weights' own defaults."""
    predict, is_tiled = model.predict, model.config.preparation.grid.is_tiled
    names = sorted(
        name
        for name, one in predict.ensemble.members.items()
        if not (is_tiled and getattr(one, "sees_whole_masks", False))
    )
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "members": _number(
                "Masks", "How many plausible masks are drawn.", 1, MOST_MEMBERS, predict.members
            ),
            "steps": _number("Steps", "From noise to mask.", 1, MOST_STEPS, predict.sampler.steps),
            "seed": _number("Seed", "Another seed, other masks.", 0, LARGEST_SEED, predict.seed),
            "ensemble": {
                "type": "string",
                "title": "Fusion",
                "description": "How the drawn masks become one.",
                "enum": names,
                "default": predict.ensemble.model_dump()["name"],
            },
        },
    }


def _number(title: str, about: str, least: int, most: int, default: int) -> dict[str, Any]:
    return {
        "type": "integer",
        "title": title,
        "description": about,
        "minimum": least,
        "maximum": most,
        "default": min(max(default, least), most),
    }


def _about(model: TrainedModel) -> str:
    """What it outlines on what, and how well on its validation studies."""
    labels, figures = model.config.labels, validation_figures(model)
    names = ", ".join(labels.structure_names)
    channels = ", ".join(model.config.channel_names)
    dice, studies = validation_dice(figures), figures.get("validation_studies")
    told = f"Outlines: {names}. Sees: {channels}."
    if dice is None:
        return told
    on = f" on {studies} studies" if studies else ""
    return f"{told} Mean Dice in its validation: {dice:.2f}{on}."


def sample_file(place: str, sample: str) -> Path:
    """The image of a bundled sample.

    Raises:
        CheckpointError: the model has no such sample.
    """
    dataset = samples_of(place)
    if sample not in dataset.ids():
        raise CheckpointError("This model has no such sample. Choose one of those on the page.")
    return dataset.study_files(sample).images[0]


def _samples(place: str, thumbnails: Path) -> list[dict[str, str]]:
    """Id, title and small picture of every bundled sample."""
    try:
        dataset = samples_of(place)
    except CheckpointError:
        return []
    found = []
    for study in dataset.ids():
        picture = thumbnail(dataset.load(study), THUMBNAIL_SIDE)
        write_picture(thumbnails / f"{study}.png", picture)
        found.append({"id": study, "title": study.replace("_", " ")})
    return found
