"""Several raters and several masks: the default's members beside what a plain U-Net can offer.

    python benchmarks/raters.py DATA [DATA ...] --default RUN ... --random RUN ... --unet RUN ... \
        --dropout RUN ... [--spread 1] [--split test] [-o raters.json]

Each flag takes the runs of one kind, one for each seed, all trained on DATA; where several are
given, the folds of one data set, each seed has one run for each of them, in their order:

    --default    medsegdiff train DATA -o RUN
    --random     as --default, with train.raters=random train.noise.recycling=0
    --unet       medsegdiff train DATA -o RUN --config unet train.raters=random
    --dropout    as --unet, with model.network.low_resolution.dropout=0.3

Of every study each way gives sixteen masks at native size: the default its members, once with
levels of their own (`predict.spread`) and once all cut where the fused mask is; the U-Net sixteen
draws of every pixel by itself from its probability, and sixteen levels of it; the U-Net with
dropout sixteen passes. They are compared with the masks of all raters; differences to the first way
are paired over seeds and studies. The test split is for finished models, once. For one structure
(binary masks).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ablation.statistics import interval
from jaxtyping import Int
from result_file import made_with, typed
from speed.tables import table
from torch import Tensor, nn

from medsegdiff.data import Folder
from medsegdiff.engine.member_cut import MemberCut
from medsegdiff.engine.predict import predict
from medsegdiff.engine.settings import with_predict
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import ConfigError, MedSegDiffError
from medsegdiff.metrics import Dice
from medsegdiff.metrics.agreement import rater_agreement
from medsegdiff.types import Sample

MEMBERS = 16
SEED = 0
MEASURES = ("ged_squared", "hm_iou", "d_max", "union_sensitivity", "dice")
HEADS = ("GED²", "HM-IoU", "D_max", "sensitivity of the union", "Dice of the fused mask")
Masks = tuple[Int[Tensor, "M *S"], Int[Tensor, "*S"]]  # members, and the one mask fused of them


def spread_members(sample: Sample, model: TrainedModel, spread: float) -> Masks:
    """The members that the program gives, with levels of their own."""
    changes = {"members": MEMBERS, "seed": SEED, "spread": spread}
    found = predict(sample, model, with_predict(model.predict, **changes))
    assert found.members is not None
    return found.members.long(), found.mask


def alike_members(sample: Sample, model: TrainedModel, spread: float) -> Masks:
    """The members that the program gives, all cut where the fused mask is."""
    return spread_members(sample, model, 0.0)


def levels(sample: Sample, model: TrainedModel, spread: float) -> Masks:
    """The probability cut at sixteen levels, as far apart as members with this spread."""
    found = predict(sample, model, with_predict(model.predict, seed=SEED))
    config = with_predict(model.predict, members=MEMBERS, seed=SEED)
    cut = MemberCut.of(model, config, sample.study.encode())
    own = replace(cut, spread=spread, temperature=1.0)  # the probability is calibrated already
    return torch.stack(own.all([found.probability] * MEMBERS)).long(), found.mask


def drawn_pixels(sample: Sample, model: TrainedModel, spread: float) -> Masks:
    """Each pixel drawn by itself from the calibrated probability."""
    found = predict(sample, model, with_predict(model.predict, seed=SEED))
    generator = torch.Generator().manual_seed(SEED)
    chance = found.probability[0].expand(MEMBERS, *found.mask.shape)
    return torch.bernoulli(chance, generator=generator).long(), found.mask


def dropout_passes(sample: Sample, model: TrainedModel, spread: float) -> Masks:
    """Passes in which features are dropped as in training; the fused mask is their majority."""
    config = with_predict(model.predict, seed=SEED)
    dropping = [
        module
        for network in model.ready(config.precision, config.compiled)
        for module in network.modules()
        if isinstance(module, nn.Dropout) and module.p > 0
    ]
    if not dropping:
        raise ConfigError(f"{model.name} was trained without dropout. Give --dropout another run.")
    torch.manual_seed(SEED)
    for module in dropping:
        module.train()
    passes = torch.stack([predict(sample, model, config).mask for _ in range(MEMBERS)])
    for module in dropping:
        module.eval()
    return passes.long(), (2 * passes.sum(dim=0) > MEMBERS).long()


Way = Callable[[Sample, TrainedModel, float], Masks]
KINDS: dict[str, dict[str, Way]] = {
    "default": {
        "default, levels of their own": spread_members,
        "default, all cut where the fused mask is": alike_members,
    },
    "random": {
        "default on random raters, levels of their own": spread_members,
        "default on random raters, all cut where the fused mask is": alike_members,
    },
    "unet": {
        "plain U-Net on random raters, pixels drawn": drawn_pixels,
        "plain U-Net on random raters, levels of its probability": levels,
    },
    "dropout": {"plain U-Net on random raters, dropout passes": dropout_passes},
}


def measured(sample: Sample, masks: Masks) -> list[float]:
    """The measures of one study, in the order of `MEASURES`."""
    assert sample.labels is not None
    members, fused = masks
    agreement = asdict(rater_agreement(members, torch.stack(list(sample.raters.values())).long()))
    agreement["dice"] = float(Dice(classes=2)(fused, sample.labels, None).mean())
    return [agreement[name] for name in MEASURES]


def figures_of(way: Way, runs: list[str], folds: list[list[Sample]], spread: float) -> np.ndarray:
    """Measures of all seeds and studies, shape (seeds, studies, measures)."""
    found = []
    for number, run in enumerate(runs):
        model = TrainedModel.load(run)
        if model.config.labels.classes != 2:
            raise ConfigError(f"{run} knows {model.config.labels.classes} classes, not two.")
        samples = folds[number % len(folds)]
        found += [measured(sample, way(sample, model, spread)) for sample in samples]
    return np.array(found).reshape(len(runs) // len(folds), -1, len(MEASURES))


def check_number(runs: list[str], data_sets: int) -> None:
    """Refuse runs that do not share out over the data sets."""
    if len(runs) % data_sets:
        raise ConfigError(f"{len(runs)} runs for {data_sets} data sets. Give one for each.")


def samples_of(data: Path, split: str) -> list[Sample]:
    """The studies of one split of a data set, with their masks and those of raters."""
    dataset = Folder(root=data)
    splits = dataset.declared_splits()
    if splits is None:
        raise ConfigError(f"{data} declares no splits (splits.json).")
    samples = [dataset.load(study) for study in getattr(splits, split)]
    without = [sample.study for sample in samples if not sample.raters]
    if without or not samples:
        raise ConfigError(
            f"{data} has {len(samples)} studies to compare with (split {split!r}), {len(without)} "
            f"of them without masks of raters (raters/<rater>/NAME.png): {', '.join(without[:5])}."
        )
    return samples


def rows(figures: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Means and intervals of each way, and its differences to the first."""
    first = next(iter(figures.values()))
    result = []
    for label, values in figures.items():
        row: dict[str, Any] = {"row": label, "seeds": len(values)}
        for index, name in enumerate(MEASURES):
            row[name] = asdict(interval(values[..., index]))
            if values is not first and values.shape == first.shape:
                row[f"{name}_minus_first"] = asdict(interval((values - first)[..., index]))
        result.append(row)
    return result


def markdown(found: list[dict[str, Any]]) -> str:
    """The table, for people: means with 95 % intervals, then differences to the first row."""
    heads = ["16 masks of", "seeds", *HEADS, "GED² minus first", "HM-IoU minus first"]
    lines = []
    for row in found:
        means = [f"{row[name]['mean']:.3f}" for name in MEASURES]
        differences = [_difference(row.get(f"{name}_minus_first")) for name in MEASURES[:2]]
        lines.append([row["row"], str(row["seeds"]), *means, *differences])
    return table(heads, lines)


def _difference(found: dict[str, float] | None) -> str:
    if found is None:
        return "–"
    return f"{found['mean']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"


def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="+")
    for kind in KINDS:
        parser.add_argument(f"--{kind}", nargs="+", metavar="RUN", required=kind == "default")
    parser.add_argument("--spread", type=float, default=1.0)
    parser.add_argument("--split", default="val", choices=("val", "test"))
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    runs = {kind: getattr(given, kind) for kind in KINDS if getattr(given, kind)}
    try:
        for of_kind in runs.values():
            check_number(of_kind, len(given.data))
        folds = [samples_of(data, given.split) for data in given.data]
        figures = {
            label: figures_of(way, of_kind, folds, given.spread)
            for kind, of_kind in runs.items()
            for label, way in KINDS[kind].items()
        }
    except MedSegDiffError as error:
        sys.exit(f"raters.py: {error}")
    found = rows(figures)
    print(markdown(found))
    if given.output:
        values = {
            "split": given.split,
            "studies": [sample.study for samples in folds for sample in samples],
            "members": MEMBERS,
            "spread": given.spread,
            **made_with(typed()),
            "rows": found,
            "study by study": {
                label: {name: values[..., k].round(5).tolist() for k, name in enumerate(MEASURES)}
                for label, values in figures.items()
            },
        }
        given.output.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
