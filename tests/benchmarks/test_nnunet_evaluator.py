"""Every figure that the other program gives is compared with ours."""

from __future__ import annotations

import pytest
from nnunet_evaluator import pairs


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
