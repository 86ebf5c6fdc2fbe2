"""The figures of one study: its predicted mask against its true one, structure by structure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from jaxtyping import Bool
from pydantic import Field
from torch import Tensor

from medsegdiff.component import Config
from medsegdiff.data import LabelMap
from medsegdiff.engine.mask_files import DrawnMask, check_one_grid
from medsegdiff.engine.mask_statistics import MM3_PER_ML, voxel_size
from medsegdiff.metrics import LesionCounts, Metric, RaterAgreement, bounding_box, count_lesions
from medsegdiff.types import IGNORED, Geometry


class Scoring(Config):
    """What a person may choose about the figures.

    Args:
        tolerance: of NSD, in mm, or in voxels where the spacing is not known.
        lesion_overlap: the share of a lesion that must be covered for it to count as found; one
            voxel at least.
    """

    tolerance: float = Field(default=2.0, ge=0)
    lesion_overlap: float = Field(default=0.0, ge=0, le=1)

    def metrics(self) -> list[Metric]:
        """Every metric there is, overlaps first; a new one is in the summary at once."""
        chosen = {"nsd": {"tolerance": self.tolerance}}
        lesions = {"overlap": self.lesion_overlap}
        chosen |= {"lesion_precision": lesions, "lesion_sensitivity": lesions}
        metrics = [
            Metric.model_validate({"name": name, **chosen.get(name, {})})
            for name in sorted(Metric.members)
        ]
        return sorted(metrics, key=lambda one: one.is_distance)


@dataclass(frozen=True)
class StudyScore:
    """Figures of one study.

    Args:
        study: its name.
        reference_file, prediction_file: the two masks.
        values: by metric, one value for each structure (class but background, or region); nan
            where unknown. Volumes also have the difference of their volumes, prediction less
            reference, in ml and in percent of the reference.
        counts: for each structure, the voxels that are (TP, FP, FN, TN).
        lesions: for each structure, its connected pieces.
        geometry: the grid of both.
        agreement: of its members with its raters; None without either.
    """

    study: str
    reference_file: Path
    prediction_file: Path
    values: Mapping[str, tuple[float, ...]]
    counts: tuple[tuple[int, int, int, int], ...]
    lesions: tuple[LesionCounts, ...]
    geometry: Geometry
    agreement: RaterAgreement | None = None

    def mean(self, metric: str) -> float:
        """Mean over the structures whose value is known; nan if none is."""
        known = [value for value in self.values.get(metric, ()) if not math.isnan(value)]
        return sum(known) / len(known) if known else math.nan

    def value(self, metric: str, index: int) -> float:
        """The value of one structure; nan where unknown."""
        return self.values[metric][index] if metric in self.values else math.nan

    @property
    def voxel_ml(self) -> float | None:
        """Volume of a voxel; None in an image, or where the file does not say."""
        size = voxel_size(self.geometry)
        return None if size is None or self.geometry.space_dims != 3 else size / MM3_PER_ML

    @property
    def leans(self) -> bool:
        """Whether the axes are not at right angles, so that mm along them are not quite distances.

        Surface distances are measured along the axes of the grid.
        """
        size, spacing = voxel_size(self.geometry), self.geometry.spacing_mm
        return size is not None and spacing is not None and size < 0.99 * math.prod(spacing)


def score_study(
    study: str, prediction: DrawnMask, reference: DrawnMask, label_map: LabelMap, scoring: Scoring
) -> StudyScore:
    """Compare two masks of one study at its own size and spacing.

    Args:
        study: its name.
        prediction: what was predicted.
        reference: the truth; ignored voxels, -1, count nowhere.
        label_map: the classes or regions.
        scoring: what may be chosen.

    Raises:
        GridMismatch: the masks do not lie on one grid; says by how much.
    """
    check_one_grid(reference, prediction)
    found, truth = prediction.labels, reference.labels
    known, metrics = truth != IGNORED, scoring.metrics()
    voxels, spacing = int(known.sum()), reference.geometry.spacing_mm
    values: dict[str, list[float]] = {type(one).__name__: [] for one in metrics}
    counts, lesions = [], []
    pairs = zip(label_map.structures(found), label_map.structures(truth), strict=True)
    for (_, drawn), (_, there) in pairs:
        mine, yours = _cut_to_both(drawn & known, there & known)
        for metric in metrics:
            values[type(metric).__name__].append(metric.of_masks(mine, yours, spacing))
        counts.append(_counts(mine, yours, voxels))
        lesions.append(count_lesions(mine, yours, scoring.lesion_overlap))
    score = StudyScore(
        study=study,
        reference_file=reference.path,
        prediction_file=prediction.path,
        values={name: tuple(each) for name, each in values.items()},
        counts=tuple(counts),
        lesions=tuple(lesions),
        geometry=reference.geometry,
    )
    return _with_volumes(score)


def _cut_to_both(
    found: Bool[Tensor, "*S"], truth: Bool[Tensor, "*S"]
) -> tuple[Bool[Tensor, "*B"], Bool[Tensor, "*B"]]:
    """The smallest box that holds both masks: every figure is the same there, and much faster."""
    either = (found | truth).numpy()
    if not either.any():
        return found, truth
    box = bounding_box(either)
    return found[box], truth[box]


def _counts(found: Tensor, truth: Tensor, voxels: int) -> tuple[int, int, int, int]:
    """Voxels that are (TP, FP, FN, TN)."""
    shared, drawn, there = int((found & truth).sum()), int(found.sum()), int(truth.sum())
    return shared, drawn - shared, there - shared, voxels - drawn - there + shared


def _with_volumes(score: StudyScore) -> StudyScore:
    """Add the differences in volume, where volumes are known."""
    if score.voxel_ml is None:
        return score
    both = [(tp + fp, tp + fn) for tp, fp, fn, _ in score.counts]
    ml = tuple((drawn - there) * score.voxel_ml for drawn, there in both)
    percent = tuple(_percent(drawn - there, there) for drawn, there in both)
    values = {"volume_difference_ml": ml, "volume_difference_percent": percent}
    return replace(score, values={**score.values, **values})


def _percent(difference: int, whole: int) -> float:
    """Share in percent; of nothing, 0 if there is no difference and else unknown."""
    if whole == 0:
        return 0.0 if difference == 0 else math.nan
    return 100 * difference / whole
