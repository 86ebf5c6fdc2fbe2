"""Words of the report: what figures are called and mean, and sentences without folders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from medsegdiff.engine.report.contents import Column

NOT_A_DEVICE = "Not a medical device: for research only, and no basis for decisions on patients."

METRICS = {  # title, what it means, and which way is better
    "Dice": (
        "Dice",
        "twice the shared area or volume over the sum of both; 0 to 1, more is better",
    ),
    "IoU": ("IoU", "shared over joint area or volume; 0 to 1, more is better"),
    "NSD": ("NSD", "share of the surfaces within the tolerance; 0 to 1, more is better"),
    "Sensitivity": ("Sensitivity", "share of the truth that was found; 0 to 1, more is better"),
    "Precision": ("Precision", "share of the prediction that is right; 0 to 1, more is better"),
    "LesionSensitivity": ("Lesions found", "share of the true pieces that were hit; 0 to 1"),
    "LesionPrecision": ("Lesions right", "share of the predicted pieces that are true; 0 to 1"),
    "HD95": (
        "HD95",
        "95 % of either surface is no farther than this from the other; less is better",
    ),
    "ASSD": ("ASSD", "mean distance of the surfaces; less is better"),
    "volume_difference_ml": ("Volume difference", "prediction less reference"),
    "volume_difference_percent": ("Volume difference, relative", "prediction less reference"),
    "GED2": ("GED²", "distance of the members from the raters; 0 to 2, less is better"),
    "HM_IoU": ("HM-IoU", "IoU of members and raters, matched; 0 to 1, more is better"),
    "D_max": ("D max", "Dice of the best member for each rater; 0 to 1, more is better"),
    "union_sensitivity": ("Union sensitivity", "share of all raters' area that a member drew"),
}
ABSOLUTE = re.compile(
    r"(?<![\w.])(?:~|\.{1,2}|[A-Za-z]:)?(?:[\\/][^\s\\/'\",;]+)*[\\/](?=[^\s\\/])"
)


def column(metric: str) -> Column:
    """The heading of a metric, with what it means; a new metric keeps its own name."""
    return Column(*METRICS.get(metric, (metric.replace("_", " "),)))


def without_folders(words: str, folders: Iterable[Path] = ()) -> str:
    """A sentence whose paths are only the files' names: a folder may be called as a patient.

    Args:
        words: the sentence.
        folders: those that are known, whatever is in their names.
    """
    known = {str(one) for folder in folders for one in (folder, folder.absolute())} - {".", "/"}
    for folder in sorted(known, key=len, reverse=True):
        words = words.replace(f"{folder}/", "").replace(f"{folder}\\", "").replace(folder, "…")
    return ABSOLUTE.sub("", words)


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as dotted names with their values in words."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat |= flattened(value, f"{name}.")
        else:
            flat[name] = spelt(value)
    return flat


def spelt(value: Any) -> str:
    """A value of a JSON file in words."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(spelt, value)) or "none"
    return str(value)
