"""Looking through a data set before any training: is it what its owner thinks it is?"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from medsegdiff.data.dataset import Dataset
from medsegdiff.data.fingerprint import percentiles
from medsegdiff.data.labels import LabelMap
from medsegdiff.data.orientation import orientation_of
from medsegdiff.data.preparation import voxel_digest
from medsegdiff.data.report import ChannelSummary, ClassSummary, Report
from medsegdiff.data.sampling import every_nth
from medsegdiff.data.splits import Splits
from medsegdiff.data.structures import Structure, report_thin, structures
from medsegdiff.errors import DataError, MedSegDiffError
from medsegdiff.types import IGNORED, Geometry, Sample

PIXELS_LOOKED_AT = 2**10  # of each study, for the intensity histogram
BINS = 32
FEWEST_GREYS = 9  # different intensities that an image has; masks have fewer


def verify(
    dataset: Dataset, side: int, progress: Callable[[int, int], object] | None = None
) -> Report:
    """Read every study of a data set and report on all of them.

    A study that cannot be used is reported, and the others go on.

    Args:
        dataset: what to look at.
        side: geometric mean of the sides of the grid that a network will see.
        progress: called with (studies done, studies in all).
    """
    studies = dataset.ids()
    splits, problems = _declared(dataset)
    try:
        label_map = dataset.label_map
    except DataError as error:
        problems = (str(error), *problems)
        dataset, label_map = _despite_labels(dataset)
    seen = _Seen(label_map, side)
    for done, study in enumerate(studies, start=1):
        try:
            seen.add(dataset.load(study))
        except MedSegDiffError as error:
            seen.unreadable[study] = str(error)
        if progress is not None:
            progress(done, len(studies))
    return _reported(dataset, seen, splits, problems)


@dataclass
class _Seen:
    """What has been counted so far."""

    label_map: LabelMap | None
    side: int
    studies: list[str] = field(default_factory=list)
    annotated: list[str] = field(default_factory=list)
    sizes: Counter[str] = field(default_factory=Counter)
    spacings: Counter[str] = field(default_factory=Counter)
    orientations: Counter[str] = field(default_factory=Counter)
    raters: Counter[str] = field(default_factory=Counter)
    pixels: list[Tensor] = field(default_factory=list)
    voxels: list[Tensor] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    blank: list[str] = field(default_factory=list)
    like_masks: list[str] = field(default_factory=list)
    same: dict[bytes, list[str]] = field(default_factory=lambda: defaultdict(list))
    thin: list[tuple[float, Structure]] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)

    def add(self, sample: Sample) -> None:
        grid = sample.geometry
        self.studies.append(sample.study)
        self.sizes[_times(grid.shape)] += 1
        self.spacings.update([_times(grid.spacing_mm)] if grid.spacing_mm else [])
        self.orientations.update(_orientation(grid))
        self.raters.update(list(sample.raters))
        self.same[voxel_digest(sample.image)].append(sample.study)
        self.pixels.append(every_nth(sample.image, PIXELS_LOOKED_AT))
        if sample.image.amin() == sample.image.amax():
            self.blank.append(sample.study)
        elif _is_like_a_mask(sample.image, self.pixels[-1]):
            self.like_masks.append(sample.study)
        if sample.labels is None or self.label_map is None:
            return
        self.annotated.append(sample.study)
        known = sample.labels[sample.labels != IGNORED]
        counts = known.bincount(minlength=self.label_map.classes)
        self.voxels.append(counts)
        if counts[1:].sum() == 0:
            self.empty.append(sample.study)
        if grid.space_dims == 2:
            scale = min(1.0, self.side / math.prod(grid.shape) ** 0.5)
            self.thin += [(scale, one) for one in structures(sample.labels)]


def _is_like_a_mask(image: Tensor, some: Tensor) -> bool:
    """Whether an image holds only a few whole numbers; some of its pixels are looked at first."""
    if len(some.unique()) >= FEWEST_GREYS:
        return False
    found = image.unique()
    return len(found) < FEWEST_GREYS and bool((found == found.round()).all())


def _times(numbers: Sequence[float]) -> str:
    """Sizes along x, y (and z), the last axis first, as "256 x 128"."""
    return " x ".join(f"{number:.6g}" for number in reversed(numbers))


def _orientation(grid: Geometry) -> list[str]:
    """Where the axes x, y, z of a volume run to, as "LPS"; nothing for a picture."""
    if grid.space_dims == 2:
        return []
    return ["unknown" if grid.affine is None else orientation_of(grid.affine)[::-1]]


def _reported(
    dataset: Dataset, seen: _Seen, splits: Splits | None, problems: tuple[str, ...]
) -> Report:
    names = seen.label_map.names if seen.label_map else ()
    duplicates = tuple(tuple(same) for same in seen.same.values() if len(same) > 1)
    annotated = set(dataset.annotated_ids())
    shared = {} if splits is None else splits.shared_groups(dataset.group)
    return Report(
        dataset=dataset,
        studies=tuple(seen.studies),
        annotated=len(seen.annotated),
        raters=dict(seen.raters),
        sizes=dict(seen.sizes.most_common()),
        spacings=dict(seen.spacings.most_common()),
        orientations=dict(seen.orientations.most_common()),
        channels=_channels(dataset, seen.pixels),
        classes=_classes(seen),
        splits={} if splits is None else {k: len(v) for k, v in splits.model_dump().items()},
        unreadable=seen.unreadable,
        without_mask=tuple(one for one in dataset.ids() if annotated and one not in annotated),
        masks_alone=dataset.masks_without_image,
        empty_masks=tuple(seen.empty),
        blank_images=tuple(seen.blank),
        images_like_masks=tuple(seen.like_masks),
        duplicates=duplicates,
        duplicates_across_splits=_across(duplicates, splits),
        groups_across_splits=shared,
        thin=tuple(report_thin(seen.thin, names, seen.side)),
        findings=dataset.findings,
        untrainable="" if problems else _why_untrainable(dataset, splits),
        problems=problems,
    )


def _declared(dataset: Dataset) -> tuple[Splits | None, tuple[str, ...]]:
    """The splits of the data set, and what is wrong with them."""
    try:
        return dataset.declared_splits(is_checked=False), ()
    except DataError as error:
        return None, (str(error),)


def _why_untrainable(dataset: Dataset, splits: Splits | None) -> str:
    """Why masks that are there cannot be divided into those to train and those to validate on."""
    annotated = set(dataset.annotated_ids())
    usable = annotated - set(splits.test if splits else ())
    is_divided = splits is not None and usable & set(splits.train) and usable & set(splits.val)
    if not annotated or is_divided or len({dataset.group(study) for study in usable}) > 1:
        return ""
    if not usable:
        return "all masks are of studies to test on; a training needs masks of at least two others"
    if len(usable) == 1:
        return "only one study has a mask to train with; a training needs another to validate on"
    return (
        "all masks to train with are of one patient; a training needs another to validate on, or "
        "studies under train and val in splits.json"
    )


def _despite_labels(dataset: Dataset) -> tuple[Dataset, LabelMap | None]:
    """The data set as far as it can be read where the classes cannot be told."""
    believed = dataset.despite_labels()
    try:
        return believed, believed.label_map
    except DataError:  # what is declared contradicts itself
        return believed, None


def _across(
    duplicates: tuple[tuple[str, ...], ...], splits: Splits | None
) -> tuple[tuple[str, ...], ...]:
    """Those duplicates that lie in more than one split."""
    if splits is None:
        return ()
    place = {study: name for name, studies in splits.model_dump().items() for study in studies}
    return tuple(same for same in duplicates if len({place.get(one) for one in same} - {None}) > 1)


def _channels(dataset: Dataset, pixels: list[Tensor]) -> tuple[ChannelSummary, ...]:
    if not pixels:
        return ()
    gathered = torch.cat(pixels, dim=1)
    shares = [torch.histc(channel, BINS) / gathered.shape[1] for channel in gathered]
    return tuple(
        ChannelSummary(name, figures, tuple(share.tolist()))
        for name, figures, share in zip(
            dataset.channel_names, percentiles(gathered), shares, strict=True
        )
    )


def _classes(seen: _Seen) -> tuple[ClassSummary, ...]:
    if not seen.voxels or seen.label_map is None:
        return ()
    counts = torch.stack(seen.voxels)  # (studies, K)
    total = counts.sum(dim=0)
    shares = (total / total.sum()).tolist()
    present = (counts > 0).sum(dim=0).tolist()
    stored = seen.label_map.colours or seen.label_map.values
    rows = zip(seen.label_map.names, stored, total.tolist(), shares, present, strict=True)
    return tuple(ClassSummary(*row) for row in rows)
