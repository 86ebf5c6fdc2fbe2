"""How good predicted masks are: each study at its native size, and the mean with its interval."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import medsegdiff
from medsegdiff.data.labels import LabelMap
from medsegdiff.data.pairing import by_name
from medsegdiff.engine.earlier_report import REPORT_FILE
from medsegdiff.engine.mask_files import read_drawn
from medsegdiff.engine.mask_pairs import find_pairs, read_probability, read_truth
from medsegdiff.engine.quality_check import QualityCheck, read_quality
from medsegdiff.engine.rater_masks import RaterMasks
from medsegdiff.engine.study_score import Scoring, StudyScore, score_study
from medsegdiff.errors import DataError, MedSegDiffError
from medsegdiff.metrics import CalibrationError, CalibrationResult, Interval
from medsegdiff.metrics import bootstrap_interval as interval

EMPTY_MASK_RULE = (
    "Both masks empty: overlap measures are 1, distances 0. One of them empty: overlap measures "
    "are 0, distances unknown (null), and unknown values are left out of means. Every study "
    "counts the same; a mean over classes is taken within each study first."
)

AGREEMENT = {  # names in print of what `RaterAgreement` holds
    "GED2": "ged_squared",
    "HM_IoU": "hm_iou",
    "D_max": "d_max",
    "union_sensitivity": "union_sensitivity",
}


@dataclass(frozen=True)
class Summary:
    """Figures of all studies.

    Args:
        label_map: the classes.
        scores: one for each study that could be compared.
        means: by metric, the mean over studies of the mean over classes, with its 95 % interval.
        class_means: by metric, the same for each class 1 to K-1.
        calibration: None where there are no probabilities.
        agreement: of members with raters, by measure, the mean over studies with its interval;
            empty where there are no members or no raters.
        quality: the quality in the run report against Dice; None where there is none.
        missing: studies with a reference but without a prediction.
        unmatched: predictions without a reference.
        without_truth: studies of the wanted split without a reference, predicted or not.
        failed: why a study could not be compared.
        findings: what was recognised, in plain words.
        made_with: the folders as they were given, the split, the tolerance and so on.
    """

    label_map: LabelMap
    scores: tuple[StudyScore, ...]
    means: Mapping[str, Interval]
    class_means: Mapping[str, tuple[Interval, ...]]
    calibration: CalibrationResult | None = None
    agreement: Mapping[str, Interval] = field(default_factory=dict)
    quality: QualityCheck | None = None
    missing: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    without_truth: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    made_with: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every reference, and every study of a wanted split, was compared."""
        return not (self.missing or self.failed or self.without_truth)


def evaluate_folders(
    reference: str | Path,
    prediction: str | Path,
    *,
    split: str | None = None,
    scoring: Scoring | None = None,
    progress: Callable[[StudyScore, int, int], object] | None = None,
) -> Summary:
    """Compare two folders of masks, paired by name; volumes in mm, on the grid of the reference.

    Args:
        reference: folder of the true masks, or a data set in any layout.
        prediction: folder of the predicted masks. `probabilities/` in it adds calibration,
            `members/` the agreement with `raters/` beside the true masks, `run_report.json` what
            the quality in it is worth.
        split: compare only the studies of this split of the data set.
        scoring: tolerance of distances, and what makes a lesion found.
        progress: called with each score, its number (from 1) and the number of studies.

    Raises:
        DataError: there is nothing to compare, or the masks do not hold what is declared.
    """
    pairs = find_pairs(Path(reference), Path(prediction), split)
    scoring, raters = scoring or Scoring(), RaterMasks.beside(pairs)
    calibration, scores, failed = CalibrationError(), [], {}
    n_calibrated = 0
    for number, study in enumerate(pairs.studies, start=1):
        try:
            truth = read_truth(pairs, study)
            found = read_drawn(pairs.predictions[study], pairs.found_map, truth.geometry)
            score = score_study(study, found, truth, pairs.label_map, scoring)
            agreement = raters.agreement(pairs, study, truth)
            probability = read_probability(pairs, study)
            if probability is not None:
                calibration.add(probability, truth.labels, pairs.label_map.coding)
                n_calibrated += 1
            scores.append(replace(score, agreement=agreement))
        except MedSegDiffError as error:
            failed[study] = str(error)
            continue
        if progress is not None:
            progress(scores[-1], number, len(pairs.studies))
    if not scores:
        raise DataError(f"No study could be compared: {next(iter(failed.values()))}")
    means, class_means = _means(scores)
    return Summary(
        label_map=pairs.label_map,
        scores=tuple(scores),
        means=means,
        class_means=class_means,
        calibration=calibration.result() if n_calibrated else None,
        agreement=_agreement(scores),
        quality=_quality(Path(prediction), scores),
        missing=pairs.missing,
        unmatched=pairs.unmatched,
        without_truth=pairs.without_truth,
        failed=failed,
        findings=(*pairs.findings, *_about_parts(scores, n_calibrated)),
        made_with=_made_with(reference, prediction, split, scoring),
    )


def sha256_of(path: Path) -> str | None:
    """Hash of a file's content, by which it is known whether it has changed; None without it."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _made_with(
    reference: str | Path, prediction: str | Path, split: str | None, scoring: Scoring
) -> dict[str, Any]:
    """What an evaluation is made of, so that it can be made again and seen to be outdated."""
    return {
        "version": medsegdiff.__version__,
        "reference": str(reference),
        "prediction": str(prediction),
        "split": split,
        **scoring.model_dump(),
        "run_report_sha256": sha256_of(Path(prediction) / REPORT_FILE),
    }


def _means(
    scores: Sequence[StudyScore],
) -> tuple[dict[str, Interval], dict[str, tuple[Interval, ...]]]:
    """Means over studies with their intervals: over all classes, and class by class."""
    names = list(dict.fromkeys(name for score in scores for name in score.values))
    classes = range(len(scores[0].counts))
    means = {name: interval([score.mean(name) for score in scores]) for name in names}
    if len(classes) == 1:
        return means, {name: (means[name],) for name in names}
    class_means = {
        name: tuple(interval([score.value(name, one) for score in scores]) for one in classes)
        for name in names
    }
    return means, class_means


def _agreement(scores: Sequence[StudyScore]) -> dict[str, Interval]:
    """Means over the studies with members and raters, as they are called in print."""
    known = [score.agreement for score in scores if score.agreement is not None]
    return {
        name: interval([getattr(one, field_name) for one in known])
        for name, field_name in AGREEMENT.items()
        if known
    }


def _quality(out: Path, scores: Sequence[StudyScore]) -> QualityCheck | None:
    """What the quality in OUT's run report is worth."""
    dice = {score.prediction_file: score.mean("Dice") for score in scores}
    named = {name: dice[path] for name, path in by_name(dice).items()}
    return QualityCheck.of(read_quality(out), named)


def _about_parts(scores: Sequence[StudyScore], calibrated: int) -> list[str]:
    """Say where figures are not of all studies, or not quite what they seem."""
    rated, total = sum(score.agreement is not None for score in scores), len(scores)
    parts = (
        (calibrated, "have probabilities; calibration"),
        (rated, "have members and raters; their agreement"),
    )
    partial = [
        f"Only {count} of {total} studies {what} is of these."
        for count, what in parts
        if count not in (0, total)
    ]
    leaning = [score.study for score in scores if score.leans]
    if not leaning:
        return partial
    where = f"{len(leaning)} ({', '.join(leaning[:5])}{' ...' if len(leaning) > 5 else ''})"
    return [
        *partial,
        f"Axes that are not at right angles (a tilted gantry): {where}. Distances are measured "
        "along these axes, as all common tools do; volumes are exact.",
    ]
