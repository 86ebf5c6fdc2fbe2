"""The table of a finished run: condition head, steps and members, beside a plain U-Net.

    python benchmarks/results.py DATA RUN [--baseline RUN] [--also RUN] [--split test] [-o
    results.json]

Rows are drawn at native size, each with the temperature and the threshold that the validation split
chooses for it. The test split is for finished models, once; while you work, use `--split val`.
Differences to the baseline are paired over the studies.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from result_file import made_with, typed

from medsegdiff.data import Folder
from medsegdiff.engine.calibration import fit
from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.predict import predict
from medsegdiff.engine.settings import with_predict
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.metrics import CalibrationError, Dice, bootstrap_difference, bootstrap_interval
from medsegdiff.types import Sample

STEPS_AND_MEMBERS = ((1, 1), (1, 8), (3, 8), (5, 1), (5, 8), (20, 8))


@dataclass
class Row:
    """Figures of one way to predict, study by study."""

    name: str
    model: TrainedModel
    config: PredictConfig
    dice: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    calibration: CalibrationError = field(default_factory=CalibrationError)

    def fit(self, dataset: Folder, studies: Sequence[str]) -> None:
        """Give it a temperature and a threshold of its own."""
        self.model = fit(self.model, dataset, studies, self.config).model

    def add(self, sample: Sample) -> None:
        """Predict one study and compare."""
        assert sample.labels is not None
        start = time.perf_counter()
        prediction = predict(sample, self.model, self.config)
        self.seconds.append(time.perf_counter() - start)
        classes = self.model.config.labels.classes
        self.dice.append(float(Dice(classes=classes)(prediction.mask, sample.labels, None).mean()))
        self.calibration.add(prediction.probability, sample.labels)

    def summary(self, baseline: Row | None) -> dict[str, Any]:
        """Means with bootstrap 95 % intervals."""
        interval = bootstrap_interval(self.dice)
        result = self.calibration.result()
        figures: dict[str, Any] = {
            "row": self.name,
            "dice": interval.mean,
            "dice_95": [interval.low, interval.high],
            "ece": result.everywhere.ece if result.everywhere else None,
            "ece_band": result.band.ece if result.band else None,
            "seconds": sum(self.seconds) / len(self.seconds),
            "temperature": self.model.config.temperature,
            "threshold": self.model.config.threshold,
        }
        if baseline is not None:
            difference = bootstrap_difference(self.dice, baseline.dice)
            figures["minus_baseline"] = difference.mean
            figures["minus_baseline_95"] = [difference.low, difference.high]
        return figures


def rows_of(model: TrainedModel, name: str) -> list[Row]:
    """Every way in which the table predicts with one model."""
    base = with_predict(model.predict, seed=0)
    if not all(network.denoises for network in model.networks):
        return [Row(name, model, base)]
    rows = [
        Row(
            f"{name}, {steps} step(s) x {members}",
            model,
            with_predict(base, steps=steps, members=members),
        )
        for steps, members in STEPS_AND_MEMBERS
    ]
    if network_name(model) == "medsegdiff":
        rows.insert(0, Row(f"{name}, condition head", model, with_predict(base, members=0)))
    return rows


def own_row(model: TrainedModel, name: str) -> Row:
    """A model as its own recipe predicts."""
    sampler = model.predict.sampler.model_dump()
    how = f"{sampler['name']} {sampler['steps']} x {model.predict.members}"
    return Row(f"{name}, {how}", model, model.predict)


def network_name(model: TrainedModel) -> str:
    """The name of the network that the weights belong to."""
    return str(model.config.network.model_dump()["name"])


def markdown(figures: list[dict[str, Any]]) -> str:
    """The table, for people."""
    lines = [
        "| row | Dice | 95 % | minus baseline | ECE | ECE at the edge | s an image |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in figures:
        low, high = one["dice_95"]
        minus = "–"
        if "minus_baseline" in one:
            below, above = one["minus_baseline_95"]
            minus = f"{one['minus_baseline']:+.4f} ({below:+.4f} to {above:+.4f})"
        lines.append(
            f"| {one['row']} | {one['dice']:.4f} | {low:.4f} to {high:.4f} | {minus} "
            f"| {one['ece']:.4f} | {one['ece_band']:.4f} | {one['seconds']:.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Predict the split with every row, study by study, so that all rows meet the same load."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("run")
    parser.add_argument("--baseline", help="a run of the plain U-Net")
    parser.add_argument("--also", help="one more run, with its own recipe's sampler")
    parser.add_argument("--split", default="test", choices=("val", "test"))
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    dataset = Folder(root=arguments.data)
    splits = dataset.declared_splits()
    assert splits is not None, "this data set declares no splits"
    baseline = rows_of(TrainedModel.load(arguments.baseline), "unet") if arguments.baseline else []
    rows = rows_of(TrainedModel.load(arguments.run), "default") + baseline
    if arguments.also:
        other = TrainedModel.load(arguments.also)
        rows.append(own_row(other, network_name(other)))
    for row in rows:
        row.fit(dataset, splits.val)
    for study in getattr(splits, arguments.split):
        sample = dataset.load(study)
        for row in rows:
            row.add(sample)
    figures = [row.summary(baseline[0] if baseline else None) for row in rows]
    print(markdown(figures))
    if arguments.output:
        values = {
            "split": arguments.split,
            **made_with(typed()),
            "rows": figures,
        }
        arguments.output.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
