"""The plots of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from medsegdiff.engine.report.svg import Axis, Plot

SHARE_BINS = 20  # of what goes from 0 to 1
BINS = 24

MeanAndEnds = tuple[float, float | None, float | None]  # no ends: of a single study


def share_histogram(
    values: Sequence[float],
    name: str,
    interval: MeanAndEnds | None = None,
    kind: str = "c1",
    is_cut: bool = False,
) -> Markup:
    """How many studies have which value between 0 and 1.

    Args:
        values: one for each study, 0 to 1.
        name: of the value.
        interval: mean of all, and the ends of its 95 % interval, to be marked.
        kind: the colour's class.
        is_cut: whether the axis begins just below the smallest value and not at 0.
    """
    axis = Axis(f"{name} (0 to 1)", _floor(values) if is_cut else 0.0)
    return _histogram(values, axis, SHARE_BINS, interval, kind)


def size_histogram(values: Sequence[float], name: str, unit: str, kind: str = "c1") -> Markup:
    """How many studies have which value from 0 on."""
    axis = Axis(f"{name} ({unit})", 0.0, max([*values, 0.0]) or 1.0)
    return _histogram(values, axis, BINS, None, kind)


def reliability(calibration: Mapping[str, Any], where: str) -> Markup:
    """How often each predicted probability came true, and how many voxels had it."""
    count, frequency = calibration["count"], calibration["frequency"]
    total, bins = max(sum(count), 1), len(count)
    plot = Plot(
        Axis("predicted probability (0 to 1)"),
        Axis("share that came true (0 to 1)"),
        f"Reliability diagram of {where}: bars near the diagonal are probabilities that come true.",
    )
    for place, (voxels, share) in enumerate(zip(count, frequency, strict=True)):
        if voxels:
            words = f"{place / bins:.2f} to {(place + 1) / bins:.2f}: {share:.3f} of {voxels:,}"
            plot.bar(place / bins, (place + 1) / bins, share, "bar c1", words)
    plot.line([(0, 0), (1, 1)], "diagonal")
    shares = [((place + 0.5) / bins, voxels / total) for place, voxels in enumerate(count)]
    plot.line(shares, "curve c2")
    return plot.drawn()


def scatter(points: Sequence[tuple[float, float, str, str]]) -> Markup:
    """Quality against true Dice.

    Args:
        points: quality, Dice, the study's name and its place on the page.
    """
    plot = Plot(
        Axis("quality: Dice to expect (0 to 1)", _floor([one[0] for one in points])),
        Axis("true Dice (0 to 1)"),
        f"Quality against true Dice of {len(points)} studies, one point each.",
    )
    for quality, dice, study, link in points:
        words = f"{study}: quality {quality:.3f}, Dice {dice:.3f}"
        plot.dot(quality, dice, "dot c1", words, link)
    return plot.drawn()


def risk_coverage(curve: Mapping[str, Any]) -> Markup:
    """Mean of 1 - Dice of the studies kept, when those of least quality are left out first."""
    chance = curve["chance_area"]
    highest = max([*curve["risk"], chance]) * 1.1 or 1.0
    plot = Plot(
        Axis("share of the studies kept (0 to 1)"),
        Axis("mean of 1 − Dice (0 to 1)", 0.0, highest),
        "Risk against coverage: the mean error of the studies that are kept.",
    )
    plot.line([(0, chance), (1, chance)], "diagonal")
    plot.line(zip(curve["coverage"], curve["risk"], strict=True), "curve c1")
    return plot.drawn()


def training_curve(
    points: Sequence[Sequence[float]],
    name: str,
    highest: float | None = None,
    best: Sequence[float] | None = None,
) -> Markup:
    """A figure against the step of a training.

    Args:
        points: steps and values.
        name: of the values, with their unit.
        highest: end of their axis; None for the highest value.
        best: a point to mark.
    """
    top = highest or max((value for _, value in points), default=1.0) * 1.05 or 1.0
    last = max((step for step, _ in points), default=1.0)
    plot = Plot(Axis("step", 0.0, last), Axis(name, 0.0, top), f"{name} over {last:g} steps.")
    plot.line(points, "curve c1")
    if best is not None:
        plot.dot(best[0], best[1], "dot c2", f"best: {best[1]:.4f} at step {best[0]:g}")
    return plot.drawn()


def _histogram(
    values: Sequence[float],
    axis: Axis,
    bins: int,
    interval: MeanAndEnds | None,
    kind: str,
) -> Markup:
    counts, edges = np.histogram(values, bins=bins, range=(axis.low, axis.high))
    highest = max(int(counts.max()), 1)
    words = f"{axis.title}: how many of {len(values)} studies have which value."
    plot = Plot(axis, Axis("studies", 0.0, highest * 1.08), words)
    if interval is not None and interval[1] is not None and interval[2] is not None:
        plot.bar(interval[1], interval[2], highest * 1.08, "band", "95 % interval of the mean")
    for count, low, high in zip(counts.tolist(), edges[:-1], edges[1:], strict=True):
        if count:
            plot.bar(low, high, count, f"bar {kind}", f"{low:.4g} to {high:.4g}: {count} studies")
    if interval is not None:
        plot.line([(interval[0], 0), (interval[0], highest * 1.08)], "mean")
    return plot.drawn()


def _floor(values: Sequence[float]) -> float:
    """A round value at or below all of them, at least 0 and at most 0.9."""
    return max(0.0, min(0.9, np.floor(min(values) * 10) / 10))
