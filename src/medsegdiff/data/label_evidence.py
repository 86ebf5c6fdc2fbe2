"""What the values in masks stand for: classes, or the noise of compression and smoothing.

A class has voxels whose neighbours all hold the same value. Noise has none: its voxels lie between
a lower and a higher value, or next to a far more frequent one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np

from medsegdiff.errors import DataError

SOLID = 0.2  # share of a class's voxels inside it (a disc of 5 pixels has 0.4)
BETWEEN = 0.3  # share of voxels between a lower and a higher value, from which a value is noise
NEAR = 24  # grey levels around a class in which much rarer values are its compression noise
RARER = 20  # times
GREY = 0x010101  # the packed colour of grey level 1
MOST_CLASSES = 64
MOST_NOISE = 0.2  # share of all voxels


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


def gather_evidence(masks: Iterable[np.ndarray], declared: Collection[int] | None) -> Evidence:
    """Look through raw masks for the values that stand for classes.

    Args:
        masks: raw masks, shape (H, W) or (H, W, 3).
        declared: values known to be classes; a mask with no other is believed at once.

    Raises:
        DataError: the masks look like pictures, not like labels.
    """
    grey, coloured = _Tally(), _Tally()
    for raw in masks:
        (coloured if raw.ndim == 3 else grey).add(raw, set(declared or ()))
    is_colour = bool(coloured.total)
    return _judged(coloured.joined(grey) if is_colour else grey, set(declared or ()), is_colour)


@dataclass
class _Tally:
    """Counts of each value: in all, inside an area of its own, on a slope between two others."""

    total: Counter[int] = field(default_factory=Counter)
    solid: Counter[int] = field(default_factory=Counter)
    between: Counter[int] = field(default_factory=Counter)

    def add(self, raw: np.ndarray, declared: Collection[int]) -> None:
        packed = pack_colours(raw) if raw.ndim == 3 else raw
        values, place, counts = np.unique(packed, return_inverse=True, return_counts=True)
        keys = values.tolist()
        count = dict(zip(keys, counts.tolist(), strict=True))
        self.total.update(count)
        if len(keys) <= 2 or set(keys) <= set(declared):
            self.solid.update(count)
            return
        channels = raw if raw.ndim == 3 else raw[..., None]
        low, high = _neighbourhood(channels)
        inside = (low == high).all(axis=-1).ravel()
        slope = ((low < channels) & (channels < high)).any(axis=-1).ravel()
        for counter, where in ((self.solid, inside), (self.between, slope)):
            counter.update(dict(zip(keys, np.bincount(place.ravel(), where).tolist(), strict=True)))

    def joined(self, grey: _Tally) -> _Tally:
        """Add the counts of files in which no colour occurs."""
        for mine, theirs in (
            (self.total, grey.total),
            (self.solid, grey.solid),
            (self.between, grey.between),
        ):
            mine.update({value * GREY: count for value, count in theirs.items()})
        return self


def _judged(tally: _Tally, known: Collection[int], is_colour: bool) -> Evidence:
    """Tell classes from noise."""
    total = tally.total
    if set(total) <= set(known):
        return Evidence(tuple(sorted(total)), 0.0, is_colour)
    likely = [
        value
        for value, count in total.most_common()
        if value in known
        or tally.solid[value] >= SOLID * count
        or tally.between[value] < BETWEEN * count
    ]
    if len(likely) < len(total) or len(likely) > MOST_CLASSES:
        likely = _without_fringe(likely, total, known, is_colour)
    noise = 1 - sum(total[value] for value in likely) / max(sum(total.values()), 1)
    if len(likely) > MOST_CLASSES or noise > MOST_NOISE:
        raise DataError(
            f"The masks hold {len(total)} different values, which looks like pictures or numbered "
            "objects rather than classes. Save one number a class, or declare the values in "
            "dataset.json."
        )
    return Evidence(tuple(sorted(likely)), noise if len(likely) < len(total) else 0.0, is_colour)


def _without_fringe(
    likely: list[int], total: Counter[int], known: Collection[int], is_colour: bool
) -> list[int]:
    """Drop values that lie close to a far more frequent one; `likely` is ordered by frequency."""
    kept: list[int] = []
    for value in likely:
        place = _point(value, is_colour)
        is_fringe = any(
            np.abs(_point(other, is_colour) - place).max() <= NEAR
            and total[other] > RARER * total[value]
            for other in kept
        )
        if value in known or not is_fringe:
            kept.append(value)
    return kept


def _point(value: int, is_colour: bool) -> np.ndarray:
    return unpack_colours(np.asarray([value]))[0] if is_colour else np.asarray([value])


def _neighbourhood(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value among each voxel and its eight neighbours, shape (H, W, c)."""
    from scipy import ndimage

    size = (3, 3, 1)
    return ndimage.minimum_filter(values, size), ndimage.maximum_filter(values, size)


def pack_colours(colours: np.ndarray) -> np.ndarray:
    """One number for each colour: (..., 3) to (...), int64."""
    red, green, blue = (colours[..., channel].astype(np.int64) for channel in range(3))
    return (red << 16) | (green << 8) | blue


def unpack_colours(packed: np.ndarray) -> np.ndarray:
    """Undo `pack_colours`: (n,) to (n, 3), int64."""
    packed = packed.astype(np.int64)
    return np.stack([packed >> 16, (packed >> 8) & 255, packed & 255], axis=-1)
