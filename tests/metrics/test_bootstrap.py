"""Bootstrap intervals hold the true mean as often as they say."""

import math

import numpy as np
import pytest

from medsegdiff.errors import DataError
from medsegdiff.metrics import bootstrap, bootstrap_difference, bootstrap_interval


def test_the_interval_is_that_of_the_normal_approximation():
    values = np.random.default_rng(0).normal(0.8, 0.1, size=400)
    interval = bootstrap_interval(values.tolist())
    half = 1.96 * values.std() / 20
    assert interval.mean == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - half, abs=half / 10)
    assert interval.high == pytest.approx(values.mean() + half, abs=half / 10)


def test_the_interval_holds_the_true_mean_in_95_of_100_sets():
    generator = np.random.default_rng(0)
    sets = generator.normal(size=(300, 60))
    intervals = [bootstrap_interval(values.tolist(), resamples=1000) for values in sets]
    assert 0.91 < np.mean([each.low <= 0 <= each.high for each in intervals]) < 0.98


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(0).random(30).tolist()
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    assert bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)


def test_unknown_values_are_left_out_and_counted():
    known = bootstrap_interval([1.0, 2.0, 3.0])
    unknown = bootstrap_interval([1.0, math.nan, 2.0, 3.0])
    assert known == unknown
    assert known.count == 3
    nothing = bootstrap_interval([math.nan])
    assert nothing.count == 0
    assert math.isnan(nothing.mean)


def test_one_value_is_its_own_interval():
    interval = bootstrap_interval([0.7])
    assert interval.low == interval.mean == interval.high == 0.7


def test_a_paired_difference_is_narrower_than_the_spread_of_studies():
    studies = np.random.default_rng(0).random(50)
    gain = bootstrap_difference((studies + 0.01).tolist(), studies.tolist())
    assert gain.low == pytest.approx(0.01)
    assert gain.high == pytest.approx(0.01)
    left_out = bootstrap_difference([1.0, math.nan], [0.5, 0.5])
    assert left_out.count == 1


def test_a_difference_of_other_studies_is_refused():
    with pytest.raises(DataError, match="2 and 1"):
        bootstrap_difference([1.0, 2.0], [1.0])


def test_many_studies_are_drawn_in_blocks():
    values = np.random.default_rng(0).random(5000).tolist()
    assert len(values) * 1005 > bootstrap.BLOCK
    interval = bootstrap_interval(values, resamples=1005)
    assert interval.low < interval.mean < interval.high
