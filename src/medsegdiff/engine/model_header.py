"""What a model says of itself, read from its files without its weights, and without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medsegdiff.engine.model_location import bundled_models, weights_files
from medsegdiff.errors import CheckpointError

LONGEST_HEADER = 100 * 2**20  # bytes, as safetensors allows
LENGTH_BYTES = 8  # before the header, little-endian


def read_header(where: str | Path) -> dict[str, Any]:
    """The sealed settings (`model`) and those of prediction (`predict`), not checked any further.

    Args:
        where: as for `weights_files`; of several folds the first.

    Raises:
        CheckpointError: nothing is there, or it is no weights file of this program.
    """
    path = weights_files(where)[0]
    try:
        with path.open("rb") as file:
            length = min(int.from_bytes(file.read(LENGTH_BYTES), "little"), LONGEST_HEADER)
            written = json.loads(file.read(length))["__metadata__"]
        return {name: json.loads(written[name]) for name in ("model", "predict")}
    except (OSError, ValueError, KeyError, TypeError):
        raise CheckpointError(
            f"{path} is not a whole weights file of medsegdiff: its header cannot be read. It may "
            "have been cut off while copying: copy it again."
        ) from None


def home(where: str | Path) -> Path:
    """The folder that a model lies in."""
    place = bundled_models().get(str(where), Path(where))
    return place.parent if place.is_file() else place


def beside(where: str | Path, *names: str) -> dict[str, Any]:
    """The first of some JSON files that lies beside the weights; empty if there is none."""
    folder = home(where)
    for fold in (folder, *sorted(folder.glob("fold_*"))):
        for name in names:
            if (fold / name).is_file():
                return json.loads((fold / name).read_text(encoding="utf-8"))
    return {}


def validation_figures(where: str | Path) -> dict[str, Any]:
    """Figures that lie beside the weights: `metrics.json`, or the validation of a run's fold."""
    return beside(where, "metrics.json", "validation/summary.json")


def validation_dice(figures: Mapping[str, Any]) -> float | None:
    """The mean Dice on the validation studies; None if it is not known."""
    return figures.get("validation_dice", figures.get("dice"))
