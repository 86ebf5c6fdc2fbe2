"""What the values in masks stand for: classes, or the noise of compression and smoothing.

A class has voxels whose neighbours all hold the same value, or, if it is thin, at least voxels that
are not on a slope. Noise lies between a lower and a higher value, or close to a far more frequent
one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np

from medsegdiff.errors import DataError

SOLID = 0.2  # share of a class's voxels inside it (a disc of 5 pixels has 0.4)
BETWEEN = 0.3  # share of voxels between a lower and a higher value, from which a value is noise
FEW_VALUES = 16  # among more, a class must have an inside: compression rings beside every edge
NEAR = 24  # grey levels around a class in which much rarer values are its compression noise
RARER = 20  # times
RARE = 0.0005  # share of all voxels; less of a value among many is noise
CALM = 12  # grey levels between a voxel and its neighbours inside an area that was compressed
CLOSE = 4  # grey levels around a class within which half of all but the usual value must lie
HALF, MOST = 0.5, 0.8
GREY = 0x010101  # the packed colour of grey level 1
MOST_CLASSES = 64
HIGHEST_LISTED = 2**16  # value up to which a table is kept


@dataclass(frozen=True)
class Evidence:
    """The values that stand for classes, in order, and the share of voxels that hold others.

    Args:
        classes: stored values, colours packed into one number.
        noise: share of voxels with another value, 0 to 1.
        is_colour: whether the masks are drawn in colours.
    """

    classes: tuple[int, ...]
    noise: float
    is_colour: bool

    @property
    def is_noisy(self) -> bool:
        """Whether values occur that stand for no class."""
        return self.noise > 0

    def listed(self) -> str:
        """The values, for a message."""
        values = (
            unpack_colours(np.asarray(self.classes)).tolist() if self.is_colour else self.classes
        )
        return ", ".join(map(str, values[:12])) + (" ..." if len(values) > 12 else "")

    def noise_report(self) -> list[str]:
        """One sentence if there is noise, else nothing."""
        if not self.is_noisy:
            return []
        return [
            f"{self.noise:.2%} of the mask voxels hold values between the classes (JPEG "
            "compression or smoothed outlines): each counts as the nearest class."
        ]


def gather_evidence(
    masks: Iterable[np.ndarray], declared: Collection[int] | None, is_certain: bool = False
) -> Evidence:
    """Look through raw masks for the values that stand for classes.

    Args:
        masks: raw masks, shape (H, W) or (D, H, W), or (H, W, 3) for colours.
        declared: values said to be classes; masks with no other are believed at once.
        is_certain: whether these values are classes even if others occur.

    Raises:
        DataError: the masks look like pictures, not like labels.
    """
    grey, coloured = _Tally(), _Tally()
    for raw in masks:
        (coloured if is_coloured(raw) else grey).add(raw, set(declared or ()))
    is_colour = bool(coloured.total)
    tally = coloured.joined(grey) if is_colour else grey
    if set(tally.total) <= set(declared or ()):
        return Evidence(tuple(sorted(tally.total)), 0.0, is_colour)
    return _judged(tally, set(declared or ()) if is_certain else set(), is_colour)


@dataclass
class _Tally:
    """Counts of each value: in all; inside an area of it, or nearly so; on a slope."""

    total: Counter[int] = field(default_factory=Counter)
    solid: Counter[int] = field(default_factory=Counter)
    calm: Counter[int] = field(default_factory=Counter)
    between: Counter[int] = field(default_factory=Counter)

    def add(self, raw: np.ndarray, declared: Collection[int]) -> None:
        packed = pack_colours(raw) if is_coloured(raw) else raw
        count = _counts(packed)
        keys = list(count)
        self.total.update(count)
        if len(keys) <= 2 or set(keys) <= set(declared):
            self.solid.update(count)
            self.calm.update(count)
            return
        place = np.searchsorted(keys, packed)
        channels = raw if is_coloured(raw) else raw[..., None]
        low, high = _neighbourhood(channels)
        inside = (low == high).all(axis=-1).ravel()
        calm = (high.astype(np.int64) - low <= CALM).all(axis=-1).ravel()
        slope = ((low < channels) & (channels < high)).any(axis=-1).ravel()
        judged = ((self.solid, inside), (self.calm, calm), (self.between, slope))
        for counter, where in judged:
            counter.update(dict(zip(keys, np.bincount(place.ravel(), where).tolist(), strict=True)))

    def joined(self, grey: _Tally) -> _Tally:
        """Add the counts of files in which no colour occurs."""
        for mine, theirs in (
            (self.total, grey.total),
            (self.solid, grey.solid),
            (self.calm, grey.calm),
            (self.between, grey.between),
        ):
            mine.update({value * GREY: count for value, count in theirs.items()})
        return self


def _judged(tally: _Tally, known: Collection[int], is_colour: bool) -> Evidence:
    """Tell classes from noise."""
    total = tally.total
    are_class_numbers = sorted(total) == list(range(min(len(total), FEW_VALUES)))
    if are_class_numbers or all(tally.solid[v] >= SOLID * count for v, count in total.items()):
        likely = list(total)
    elif len(total) <= FEW_VALUES:
        likely = [
            value
            for value, count in total.most_common()
            if value in known
            or tally.solid[value] >= SOLID * count
            or tally.between[value] < BETWEEN * count
        ]
        if len(likely) < len(total):
            likely = _without_fringe(likely, total, known, is_colour, rarer=RARER)
    else:
        rare = RARE * sum(total.values())
        likely = [
            value
            for value, count in total.most_common()
            if value in known or (tally.calm[value] >= SOLID * count and count > rare)
        ]
        likely = _without_fringe(likely, total, known, is_colour, rarer=1)
    _check_credible(likely, total, bool(known), is_colour)
    kept = sum(total[value] for value in likely)
    noise = 0.0 if len(likely) == len(total) else 1 - kept / sum(total.values())
    return Evidence(tuple(sorted(likely)), noise, is_colour)


def _without_fringe(
    likely: list[int], total: Counter[int], known: Collection[int], is_colour: bool, rarer: float
) -> list[int]:
    """Drop values close to one that is more frequent by a factor; `likely` is ordered by that."""
    kept: list[int] = []
    for value in likely:
        is_fringe = any(
            _distance(value, other, is_colour) <= NEAR and total[other] >= rarer * total[value]
            for other in kept
        )
        if value in known or not is_fringe:
            kept.append(value)
    return kept


def _check_credible(
    likely: list[int], total: Counter[int], is_certain: bool, is_colour: bool
) -> None:
    """Refuse photographs and numbered objects, which also have areas of one value."""

    def share_within(distance: int, values: Collection[int]) -> float:
        near = [
            value
            for value in values
            if any(_distance(value, one, is_colour) <= distance for one in likely)
        ]
        return sum(total[value] for value in near) / max(sum(total[v] for v in values), 1)

    usual = total.most_common(1)[0][0] if total else 0
    others = [value for value in total if value != usual]
    must_be_close = len(likely) > 2 and len(likely) < len(total) and not is_certain
    if (
        len(likely) > MOST_CLASSES
        or share_within(NEAR, list(total)) < MOST
        or (must_be_close and share_within(CLOSE, others) < HALF)
    ):
        raise DataError(
            f"The masks hold {len(total)} different values, which looks like pictures or numbered "
            "objects rather than classes. Save one number a class, or declare the values in "
            "dataset.json."
        )


def _distance(value: int, other: int, is_colour: bool) -> int:
    """Largest difference of two values over their channels."""
    if not is_colour:
        return abs(value - other)
    return max(abs((value >> shift & 255) - (other >> shift & 255)) for shift in (16, 8, 0))


def _neighbourhood(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value among each voxel and its neighbours, shape (*S, c)."""
    from scipy import ndimage

    size = (*[3] * (values.ndim - 1), 1)
    return ndimage.minimum_filter(values, size), ndimage.maximum_filter(values, size)


def is_coloured(raw: np.ndarray) -> bool:
    """Whether a raw mask is drawn in colours, (H, W, 3), and is no volume, (D, H, W)."""
    return raw.ndim == 3 and raw.shape[-1] == 3


def _counts(packed: np.ndarray) -> dict[int, int]:
    """How often each value occurs, the lowest first; by counting where that is quicker."""
    low, high = int(packed.min(initial=0)), int(packed.max(initial=0))
    if low < 0 or high > HIGHEST_LISTED:
        values, counts = np.unique(packed, return_counts=True)
        return dict(zip(values.tolist(), counts.tolist(), strict=True))
    counts = np.bincount(packed.ravel().astype(np.int64))
    return {int(value): int(counts[value]) for value in counts.nonzero()[0]}


def pack_colours(colours: np.ndarray) -> np.ndarray:
    """One number for each colour: (..., 3) to (...), int64."""
    red, green, blue = (colours[..., channel].astype(np.int64) for channel in range(3))
    return (red << 16) | (green << 8) | blue


def unpack_colours(packed: np.ndarray) -> np.ndarray:
    """Undo `pack_colours`: (n,) to (n, 3), int64."""
    packed = packed.astype(np.int64)
    return np.stack([packed >> 16, (packed >> 8) & 255, packed & 255], axis=-1)
