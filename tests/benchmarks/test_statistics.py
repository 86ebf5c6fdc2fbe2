"""Intervals know of studies and of seeds."""

from __future__ import annotations

import numpy as np
import pytest
from ablation.statistics import interval, over_sets

from medsegdiff.metrics import bootstrap_interval


def test_one_seed_is_the_bootstrap_over_studies():
    values = np.random.default_rng(0).normal(0.8, 0.1, size=60)
    ours, theirs = interval(values[None]), bootstrap_interval(values.tolist())
    assert ours.mean == pytest.approx(theirs.mean)
    assert ours.low == pytest.approx(theirs.low, abs=2e-3)
    assert ours.high == pytest.approx(theirs.high, abs=2e-3)


def test_the_same_study_in_three_seeds_is_still_one_study():
    values = np.random.default_rng(0).normal(0.8, 0.1, size=60)
    once, thrice = interval(values[None]), interval(np.stack([values] * 3))
    assert thrice.high - thrice.low == pytest.approx(once.high - once.low, rel=0.05)


def test_seeds_that_disagree_widen_the_interval():
    lucky = np.array([[0.7] * 50, [0.8] * 50, [0.9] * 50])
    found = interval(lucky)
    assert found.mean == pytest.approx(0.8)
    assert found.low <= 0.74
    assert found.high >= 0.86


def test_unknown_values_are_left_out():
    values = np.array([[1.0, np.nan, 3.0], [1.0, np.nan, 3.0]])
    assert interval(values).mean == 2
    assert np.isnan(interval(values * np.nan).mean)


def test_every_data_set_counts_the_same():
    assert over_sets([np.full((1, 90), 0.0), np.full((3, 10), 1.0)]).mean == 0.5
