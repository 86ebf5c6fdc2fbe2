"""An evaluation as files: `summary.json` in nnU-Net's schema with more in it, and a CSV table."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from medsegdiff.data import LabelMap
from medsegdiff.engine.evaluate import AGREEMENT, EMPTY_MASK_RULE, Summary
from medsegdiff.engine.mask_statistics import by_axis
from medsegdiff.engine.reliability_diagram import write_reliability
from medsegdiff.engine.study_score import StudyScore
from medsegdiff.files import atomic_write, write_json
from medsegdiff.metrics import Interval, RaterAgreement

COUNTS = ("TP", "FP", "FN", "TN")
DISTANCES = ("ASSD", "HD95")


def write_summary(path: Path, summary: Summary) -> None:
    """Write `summary.json`: nnU-Net's keys, intervals, calibration, and what is missing.

    What is unknown is null. nnU-Net's evaluator leaves studies without the class out of its Dice;
    here they count by the rule that stands in the file; all else that both give is equal. With
    probabilities, a reliability diagram lies in `calibration/` beside it, since the root of OUT
    holds no image but masks.
    """
    if summary.calibration is not None:
        write_reliability(path.parent / "calibration" / "reliability.png", summary.calibration)
    write_json(path, summary_values(summary))


def summary_values(summary: Summary) -> dict[str, Any]:
    """The content of `summary.json`."""
    keys = structure_keys(summary.label_map)
    per_class = range(len(keys))
    return {
        "foreground_mean": {
            **{name: _known(value.mean) for name, value in summary.means.items()},
            **_mean_counts(summary, per_class),
        },
        "mean": {
            keys[index]: {
                **{name: _known(each[index].mean) for name, each in summary.class_means.items()},
                **_mean_counts(summary, [index]),
            }
            for index in per_class
        },
        "metric_per_case": [_case(score, keys) for score in summary.scores],
        "intervals_95": {
            "foreground_mean": {name: _interval(one) for name, one in summary.means.items()},
            **{
                keys[index]: {
                    name: _interval(each[index]) for name, each in summary.class_means.items()
                }
                for index in per_class
            },
        },
        "calibration": _calibration(summary),
        **_agreement(summary),
        **_quality(summary),
        "label_names": dict(enumerate(summary.label_map.names)),
        **_region_names(summary.label_map, keys),
        "n_studies": len(summary.scores),
        "missing_predictions": list(summary.missing),
        "predictions_without_reference": list(summary.unmatched),
        "studies_without_reference": list(summary.without_truth),
        "failed": dict(summary.failed),
        "findings": list(summary.findings),
        "empty_mask_rule": EMPTY_MASK_RULE,
        "units": {**_units(summary), "others": "0 to 1"},
        "evaluation": dict(summary.made_with),
    }


def write_csv(path: Path, summary: Summary) -> None:
    """Write one line for each study and class; what is unknown is left empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    metrics = list(summary.means)
    writer.writerow(["study", "class", *metrics, *COUNTS])
    for score in summary.scores:
        for index, name in enumerate(summary.label_map.structure_names):
            values = [_known(score.value(metric, index)) for metric in metrics]
            cells = ["" if value is None else f"{value:.6g}" for value in values]
            writer.writerow([score.study, name, *cells, *score.counts[index]])
    for study in summary.missing:
        writer.writerow([study, "missing prediction"])
    atomic_write(path, text.getvalue())


def summary_table(summary: Summary) -> Iterator[str]:
    """The means as lines of text, each with its interval."""
    names = summary.label_map.structure_names
    units = {name: unit for name, unit in _units(summary).items() if name in DISTANCES}
    width = max(map(len, [*summary.means, *summary.agreement, "Brier, NLL"]))
    for metric, mean in summary.means.items():
        unit = f" {units[metric]}" if metric in units else ""
        line = f"{metric:{width}} {_spelt(mean)}{unit if mean.count else ''}"
        if len(names) > 1:
            each = zip(names, summary.class_means[metric], strict=True)
            line += "   " + ", ".join(f"{name} {_brief(one)}" for name, one in each)
        yield line
    if summary.calibration is not None:
        everywhere, band = summary.calibration.everywhere, summary.calibration.band
        near = "unknown" if band.ece is None else f"{band.ece:.4f}"
        yield f"{'ECE':{width}} {everywhere.ece:.4f} over all voxels, {near} near the structures"
        yield f"{'Brier, NLL':{width}} {everywhere.brier:.4f}, {everywhere.nll:.4f} over all voxels"
    for measure, mean in summary.agreement.items():
        yield f"{measure.replace('_', ' '):{width}} {_spelt(mean)}"
    if summary.quality is not None:
        rank, curve = summary.quality.spearman, summary.quality.curve
        spelt = "unknown" if rank is None else f"{rank:.2f}"
        yield (
            f"{'quality':{width}} rank correlation with Dice {spelt} "
            f"(n = {summary.quality.studies}), risk by coverage {curve.area:.4f} "
            f"(by chance {curve.chance_area:.4f})"
        )


def _units(summary: Summary) -> dict[str, str]:
    """The units of what is no share."""
    spacings = {score.geometry.spacing_mm is None for score in summary.scores}
    space_dims = {score.geometry.space_dims for score in summary.scores}
    cells = "pixels" if space_dims == {2} else "voxels"
    length = {frozenset([False]): "mm", frozenset([True]): cells}.get(
        frozenset(spacings), f"mm, or {cells} where the spacing is not known"
    )
    names = [name for name in DISTANCES if name in summary.means]
    volumes = {"volume_difference_ml": "ml", "volume_difference_percent": "% of the reference"}
    known = {name: unit for name, unit in volumes.items() if name in summary.means}
    return {**dict.fromkeys(names, length), **known}


def _brief(mean: Interval) -> str:
    return f"{mean.mean:.4f}" if mean.count else "unknown"


def _spelt(mean: Interval) -> str:
    if mean.count == 0:
        return "unknown"
    if mean.count == 1:
        return f"{mean.mean:.4f} (n = 1)"
    return f"{mean.mean:.4f} (95 % interval {mean.low:.4f} to {mean.high:.4f}, n = {mean.count})"


def structure_keys(label_map: LabelMap) -> list[str]:
    """nnU-Net's keys: a class number, or the class numbers of a region as "(1, 2)"."""
    return [str(one[0] if len(one) == 1 else one) for one in label_map.coding.structures]


def _region_names(label_map: LabelMap, keys: list[str]) -> dict[str, Any]:
    names = label_map.structure_names
    return {"region_names": dict(zip(keys, names, strict=True))} if label_map.regions else {}


def _case(score: StudyScore, keys: list[str]) -> dict[str, Any]:
    metrics = {
        keys[index]: {
            **{name: _known(values[index]) for name, values in score.values.items()},
            **_named_counts(counts),
            **_named_volumes(counts, score.voxel_ml),
            "lesions": asdict(score.lesions[index]),
        }
        for index, counts in enumerate(score.counts)
    }
    return {
        "study": score.study,
        "spacing_mm": by_axis(score.geometry.spacing_mm),
        "metrics": metrics,
        **({} if score.agreement is None else {"raters": _named_agreement(score.agreement)}),
        "prediction_file": str(score.prediction_file),
        "reference_file": str(score.reference_file),
    }


def _mean_counts(summary: Summary, classes: Any) -> dict[str, float]:
    """Mean voxel counts over studies and classes, as nnU-Net gives them."""
    chosen = np.asarray([[score.counts[one] for one in classes] for score in summary.scores])
    return _named_counts(chosen.reshape(-1, len(COUNTS)).mean(axis=0).tolist())


def _named_counts(counts: Any) -> dict[str, Any]:
    named = dict(zip(COUNTS, counts, strict=True))
    return {**named, "n_pred": named["TP"] + named["FP"], "n_ref": named["TP"] + named["FN"]}


def _named_volumes(counts: tuple[int, int, int, int], voxel_ml: float | None) -> dict[str, Any]:
    """Volumes of the prediction and of the reference; nothing where they are not known."""
    if voxel_ml is None:
        return {}
    named = _named_counts(counts)
    return {f"volume_{one}_ml": named[f"n_{one}"] * voxel_ml for one in ("pred", "ref")}


def _calibration(summary: Summary) -> dict[str, Any] | None:
    if summary.calibration is None:
        return None
    return {
        "ECE": summary.calibration.everywhere.ece,
        "ECE_band": summary.calibration.band.ece,
        "Brier": summary.calibration.everywhere.brier,
        "NLL": summary.calibration.everywhere.nll,
        "everywhere": asdict(summary.calibration.everywhere),
        "band_of_10_voxels": asdict(summary.calibration.band),
    }


def _named_agreement(one: RaterAgreement) -> dict[str, Any]:
    values = {name: getattr(one, field) for name, field in AGREEMENT.items()}
    return {**values, "members": one.members, "raters": one.raters}


def _agreement(summary: Summary) -> dict[str, Any]:
    """Agreement with the raters, where there are any; GED2 is better the less, the others more."""
    found = {name: _interval(one) for name, one in summary.agreement.items()}
    return {"raters": found} if found else {}


def _quality(summary: Summary) -> dict[str, Any]:
    """What the run report's quality is worth, where there is one."""
    if summary.quality is None:
        return {}
    return {
        "quality": {
            "n": summary.quality.studies,
            "spearman_with_dice": summary.quality.spearman,
            "risk_coverage": asdict(summary.quality.curve),
            "risk": "1 - Dice",
        }
    }


def _interval(one: Interval) -> dict[str, Any]:
    """A mean with its interval; a single study has none."""
    has_ends = one.count > 1
    return {
        "mean": _known(one.mean),
        "low": _known(one.low) if has_ends else None,
        "high": _known(one.high) if has_ends else None,
        "n": one.count,
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
