"""The figures of an evaluation, each with the place in `summary.json` where it stands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from medsegdiff.engine.report.contents import Document, Number, Text
from medsegdiff.engine.report.out_files import OutFiles
from medsegdiff.engine.report.wording import column

MEAN = "foreground_mean"
SHOWN = ("Dice", "IoU", "NSD", "HD95", "Sensitivity", "Precision", "volume_difference_ml")
SHOWN_OF_SEVERAL = ("Dice", "NSD", "HD95", "volume_difference_ml")  # of several structures
UNIT_DIGITS = 2  # of distances and volumes


class Scores:
    """The evaluation, and what is asked of it.

    Args:
        files: of OUT, with a summary.
    """

    def __init__(self, files: OutFiles) -> None:
        assert files.summary is not None
        self.files = files
        self.summary: Document = files.summary
        self.content = files.summary.content
        self.own_names = files.names()

    @property
    def structures(self) -> dict[str, str]:
        """Name of each structure, by its key in the summary."""
        labels = self.content["label_names"]
        called = zip(labels, self.files.called(list(labels.values())), strict=True)
        names = {**dict(called), **self.content.get("region_names", {})}
        return {key: names.get(key, key) for key in self.content["mean"]}

    @property
    def shown(self) -> list[str]:
        """The metrics that the table of studies has a column for."""
        chosen = SHOWN if len(self.structures) == 1 else SHOWN_OF_SEVERAL
        return [metric for metric in chosen if metric in self.metrics]

    @property
    def metrics(self) -> list[str]:
        """Those that were measured, in the summary's order."""
        return list(self.content["intervals_95"][MEAN])

    def unit(self, metric: str) -> str:
        """Its unit; empty for a share."""
        unit = self.content["units"].get(metric, "").split(" where")[0].replace(",", "")
        return "%" if unit.startswith("%") else unit

    def meaning(self, metric: str) -> str:
        """What it means, with the tolerance that it was measured at."""
        words, tolerance = column(metric).explanation, self.files.evaluation.get("tolerance")
        if tolerance is None:
            return words
        return words.replace("the tolerance", f"{tolerance:g} {self.unit('HD95')}".rstrip())

    def number(self, metric: str, *path: str | int, is_short: bool = False) -> Number:
        """One of its figures."""
        unit = self.unit(metric)
        digits = UNIT_DIGITS if unit else 3
        return self.summary.number(*path, unit="" if is_short else unit, digits=digits)

    def interval(self, metric: str, key: str = MEAN, place: str = "intervals_95") -> Text:
        """Its mean with the 95 % interval; a single study has none."""
        path = (place, key, metric) if place == "intervals_95" else (place, metric)
        mean, low, high = (
            self.number(metric, *path, one, is_short=one == "low")
            for one in ("mean", "low", "high")
        )
        if mean.value is None:
            return (mean,)
        if self.number(metric, *path, "n").value == 1:
            return (mean, " (n = 1)")
        return (mean, " (", low, " to ", high, ")")

    def values(self, metric: str, key: str) -> list[float]:
        """Of the studies where it is known."""
        found = [case["metrics"][key].get(metric) for case in self.content["metric_per_case"]]
        return [value for value in found if value is not None]

    def dice(self, case: Mapping[str, Any]) -> float:
        """Mean over the structures of a study; nan where none is known."""
        known = [one["Dice"] for one in case["metrics"].values() if one.get("Dice") is not None]
        return sum(known) / len(known) if known else math.nan

    def quality(self, study: str) -> Number:
        """What the prediction says of itself."""
        return self.files.run_report.number("studies", self.own_names[study], "quality")
