"""What the page must know of a model before anything is sent: classes, settings, samples.

Read from the header of its weights, so that the page is there before torch is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medsegdiff.engine.model_header import read_header, validation_dice, validation_figures
from medsegdiff.engine.model_location import bundled_models
from medsegdiff.errors import CheckpointError
from medsegdiff.serve import known_parts

COLOUR_CHANNELS = ("red", "green", "blue")
TILED = "tiles"  # the grid of models that see a study in parts
MOST_MEMBERS, MOST_STEPS, LARGEST_SEED = 64, 250, 2**53 - 1  # a page's numbers are 53 bits


def description(
    model_id: str, place: str, fusions: Mapping[str, bool] = known_parts.FUSIONS
) -> dict[str, Any]:
    """Describe a model as the API shows it; its samples still lack the addresses of pictures.

    Args:
        model_id: its name on the page.
        place: where it lies.
        fusions: by which masks can be fused, and whether each needs whole masks.

    Raises:
        CheckpointError: its header cannot be read.
    """
    header, is_bundled = read_header(place), place in bundled_models()
    try:
        model, labels = header["model"], header["model"]["labels"]
        return {
            "id": model_id,
            "title": _title(model_id) if is_bundled else model_id,
            "description": _about(model, place),
            "space_dims": len(model["preparation"]["grid"]["size"]),
            "channel_names": list(model["channel_names"]),
            "classes": [
                {"index": index, "name": name, "color": known_parts.class_colour(index)}
                for index, name in enumerate(labels["names"])
            ],
            "settings_schema": settings_schema(header, fusions),
            "samples": _samples(place) if is_bundled else [],
        }
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"The header of the weights at {place} cannot be read: {error} is missing or no value."
        ) from None


def _title(name: str) -> str:
    return name.replace("-", " ").replace("_", " ").capitalize()


def settings_schema(header: Mapping[str, Any], fusions: Mapping[str, bool]) -> dict[str, Any]:
    """JSON schema of what a person may choose for a job, with the weights' own defaults."""
    predict = header["predict"]
    is_tiled = header["model"]["preparation"]["grid"]["name"] == TILED
    names = sorted(name for name, is_whole in fusions.items() if not (is_tiled and is_whole))
    steps, members, seed = predict["sampler"]["steps"], predict["members"], predict["seed"]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "members": _number(
                "Masks", "How many plausible masks are drawn.", 1, MOST_MEMBERS, members
            ),
            "steps": _number("Steps", "From noise to mask.", 1, MOST_STEPS, steps),
            "seed": _number("Seed", "Another seed, other masks.", 0, LARGEST_SEED, seed),
            "ensemble": {
                "type": "string",
                "title": "Fusion",
                "description": "How the drawn masks become one.",
                "enum": names,
                "default": predict["ensemble"]["name"],
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


def _about(model: Mapping[str, Any], place: str) -> str:
    """What it outlines on what, and how well on its validation studies."""
    labels, figures = model["labels"], validation_figures(place)
    regions = [region["name"] for region in labels.get("regions", ())]
    names = ", ".join(regions or labels["names"][1:])
    dice, studies = validation_dice(figures), figures.get("validation_studies")
    told = f"Outlines: {names}. Takes {_kind(model)}."
    if dice is None:
        return told
    on = f" on {studies} studies" if studies else ""
    return f"{told} Mean Dice in its validation: {dice:.2f}{on}."


def _kind(model: Mapping[str, Any]) -> str:
    """What a model takes, such as "volumes (T1)" or "colour pictures"."""
    kind = "volumes" if len(model["preparation"]["grid"]["size"]) == 3 else "pictures"
    channels = tuple(model["channel_names"])
    return f"colour {kind}" if channels == COLOUR_CHANNELS else f"{kind} ({', '.join(channels)})"


def sample_files(place: str) -> dict[str, Path]:
    """The images of the samples that come with a bundled model, by their names."""
    folder = bundled_models()[place] / "samples" / "images"
    return {path.name.split(".")[0]: path for path in sorted(folder.glob("*"))}


def _samples(place: str) -> list[dict[str, str]]:
    return [{"id": name, "title": name.replace("_", " ")} for name in sample_files(place)]
