"""Quality scores against the truth: SciPy's correlation, and curves known by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from medsegdiff.errors import DataError
from medsegdiff.metrics import rank_correlation, risk_coverage

some = st.lists(st.integers(0, 5).map(lambda n: n / 5), min_size=4, max_size=12)


@given(st.data(), some)
def test_the_correlation_is_scipys(data, scores: list[float]):
    others = data.draw(st.permutations(scores))
    found = rank_correlation(scores, others)
    if len(set(scores)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(stats.spearmanr(scores, others).statistic)


@pytest.mark.parametrize("scores", [[], [1.0, 2.0], [1.0, 1.0, 1.0]])
def test_too_little_is_unknown(scores: list[float]):
    assert rank_correlation(scores, [0.1, 0.2, 0.3][: len(scores)]) is None


def test_the_least_trusted_are_left_out_first():
    curve = risk_coverage([0.9, 0.1, 0.5], [0.0, 0.6, 0.3])
    assert curve.coverage == pytest.approx((1 / 3, 2 / 3, 1))
    assert curve.risk == pytest.approx((0, 0.15, 0.3))
    assert curve.area == curve.best_area == pytest.approx(0.15)
    assert curve.chance_area == pytest.approx(0.3)


def test_scores_that_are_all_alike_are_chance():
    curve = risk_coverage([0.5] * 4, [0.1, 0.7, 0.2, 0.4])
    assert curve.risk == pytest.approx([curve.chance_area] * 4)
    assert curve.area == pytest.approx(curve.chance_area)


@given(some, st.randoms())
def test_no_order_beats_the_risks_own(risks: list[float], random):
    scores = [random.random() for _ in risks]
    curve = risk_coverage(scores, risks)
    assert curve.best_area - 1e-12 <= curve.area
    assert risk_coverage([-one for one in risks], risks).area == pytest.approx(curve.best_area)


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(DataError, match="2 and 1"):
        rank_correlation([1, 2], [1])
    with pytest.raises(DataError, match="no study"):
        risk_coverage([], [])
