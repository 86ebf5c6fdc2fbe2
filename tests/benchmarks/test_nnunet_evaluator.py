"""Every figure that the other program gives is compared with ours."""

from __future__ import annotations

import math

import pytest
from nnunet_evaluator import apart, pairs


def summary(dice: float, more: float = 0.5) -> dict:
    figures = {"Dice": dice, "IoU": more}
    case = {"reference_file": f"anywhere/{dice}/x.nii.gz", "metrics": {"1": figures}}
    return {"foreground_mean": figures, "mean": {"1": figures}, "metric_per_case": [case]}


def test_all_figures_are_paired():
    both = list(pairs(summary(0.9), summary(0.8)))
    assert len(both) == 6
    assert both.count((0.9, 0.8)) == 3


def test_a_figure_that_we_lack_is_an_error():
    ours, theirs = summary(0.9), summary(0.9)
    del ours["mean"]["1"]
    with pytest.raises(KeyError):
        list(pairs(ours, theirs))


@pytest.mark.parametrize(
    ("mine", "yours", "difference"),
    [
        (0.75, 0.5, 0.25),
        (30, 20, 0.5),
        (None, math.nan, 0),
        (math.nan, math.nan, 0),
        (None, 0.5, math.inf),
        (0.5, math.nan, math.inf),
    ],
)
def test_what_one_program_alone_knows_is_a_difference(mine, yours, difference: float):
    assert apart(mine, yours) == difference
