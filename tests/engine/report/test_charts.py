"""Plots: bars and points stand where their numbers say, and axes name what they show."""

from __future__ import annotations

import re

import pytest

from medsegdiff.engine.report import charts
from medsegdiff.engine.report.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, Plot

SPAN = HEIGHT - TOP - BOTTOM


def attribute(name: str, drawn: str, kind: str) -> list[float]:
    return [float(one) for one in re.findall(rf'class="{kind}"[^>]* {name}="([\d.-]+)"', drawn)]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0.9, 1, [0.9, 0.92, 0.94, 0.96, 0.98, 1]),
     (0, 7, [0, 2, 4, 6]), (0, 2022, [0, 500, 1000, 1500, 2000])],
)  # fmt: skip
def test_ticks_are_round(low, high, ticks):
    assert Axis("x", low, high).ticks() == pytest.approx(ticks)


def test_a_point_is_where_its_values_say():
    plot = Plot(Axis("x", 0, 10), Axis("y", 0, 2), "words")
    plot.dot(5, 2, "dot", "name")
    drawn = plot.drawn()
    assert attribute("cx", drawn, "dot") == [LEFT + (WIDTH - LEFT - RIGHT) / 2]
    assert attribute("cy", drawn, "dot") == [TOP]


def test_bars_of_a_histogram_are_as_high_as_their_counts():
    heights = attribute(
        "height", charts.share_histogram([0.91, 0.92, 0.93, 0.02], "Dice"), "bar c1"
    )
    assert heights == pytest.approx([SPAN / 3.24, 3 * SPAN / 3.24], abs=0.1)


def test_axes_say_what_and_in_which_unit():
    drawn = charts.size_histogram([1.0, 2.0], "volume", "ml")
    assert "volume (ml)" in drawn
    assert ">studies<" in drawn


def test_a_reliability_bar_is_as_high_as_the_frequency():
    calibration = {"count": [0, 4], "frequency": [0.0, 0.5]}
    drawn = charts.reliability(calibration, "all voxels")
    assert attribute("height", drawn, "bar c1") == pytest.approx([SPAN / 2], abs=0.1)


def test_names_in_plots_are_text():
    drawn = charts.scatter([(0.9, 0.8, "<script>", "s0")])
    assert "<script>" not in drawn
    assert "&lt;script&gt;: quality 0.900, Dice 0.800" in drawn


def test_nothing_but_one_value_can_be_drawn():
    curve = {"coverage": [1.0], "risk": [0.0], "chance_area": 0.0}
    assert "curve" in charts.risk_coverage(curve)
    assert "curve" in charts.training_curve([(1.0, 0.0)], "loss")
    assert "bar" in charts.size_histogram([0.0], "volume", "ml")
    assert "bar" in charts.share_histogram([1.0], "quality", is_cut=True)
