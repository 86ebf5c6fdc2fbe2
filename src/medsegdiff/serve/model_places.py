"""Which models are offered, and by what name a client asks for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from medsegdiff.engine.model_location import bundled_models, weights_files

GENERAL_NAMES = ("final", "model", "fold_0", "best")  # of folders that say nothing about a model


def model_places(models: Sequence[str]) -> dict[str, str]:
    """Where each model lies, by its id: a bundled name stays, of a path the last word remains.

    Raises:
        CheckpointError: there is no model at one of these places.
    """
    places: dict[str, str] = {}
    bundled = bundled_models()
    for model in models:
        weights_files(model)
        is_bundled = model in bundled
        name = model if is_bundled else _word(Path(model).resolve())
        model_id, number = name, 2
        while model_id in places:
            model_id, number = f"{name}-{number}", number + 1
        places[model_id] = model if is_bundled else str(Path(model).resolve())
    return places


def _word(path: Path) -> str:
    stem = path.name.removesuffix(".safetensors")
    if stem.lower() in GENERAL_NAMES:
        stem = path.parent.name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "model"
