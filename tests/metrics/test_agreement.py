"""Members and raters: values known by hand, and the laws of each measure."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from medsegdiff.errors import DataError, GridMismatch
from medsegdiff.metrics import agreement, rater_agreement
from medsegdiff.metrics.agreement import d_max, ged_squared, hm_iou, union_sensitivity

A, B, C = [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]  # IoU of A and B is 1/3, C meets neither
EMPTY = [0, 0, 0, 0]
MEASURES = (ged_squared, hm_iou, d_max, union_sensitivity)
seeds = st.integers(0, 2**31)


def masks(*rows: list[int]) -> Tensor:
    return torch.tensor(rows).reshape(-1, 2, 2)


def drawn(seed: int, count: int, classes: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(classes, (count, 4, 5), generator=generator)


def test_values_known_by_hand():
    members, raters = masks(A, C), masks(A, B)
    across = (0 + 2 / 3 + 1 + 1) / 4
    assert ged_squared(members, raters) == pytest.approx(2 * across - 1 / 2 - 1 / 3)
    assert hm_iou(members, raters) == pytest.approx((1 + 0) / 2)
    assert d_max(members, raters) == pytest.approx((1 + 1 / 2) / 2)
    assert union_sensitivity(members, raters) == pytest.approx(2 / 3)


def test_both_are_repeated_to_the_least_common_multiple():
    members, raters = masks(A, A, B), masks(A, B)  # of six places, A has four against three
    assert hm_iou(members, raters) == pytest.approx((5 + 1 / 3) / 6)
    assert hm_iou(raters, members) == pytest.approx((5 + 1 / 3) / 6)


def test_the_assignment_is_the_best_of_all():
    members, raters = drawn(1, 4), drawn(2, 4)
    each = [
        sum(hm_iou(members[[i]], raters[[j]], 3) for i, j in enumerate(order)) / 4
        for order in itertools.permutations(range(4))
    ]
    assert hm_iou(members, raters, 3) == pytest.approx(max(each))


def test_two_empty_masks_are_alike():
    assert ged_squared(masks(EMPTY), masks(EMPTY, EMPTY)) == 0
    assert [one(masks(EMPTY), masks(EMPTY)) for one in MEASURES[1:]] == [1, 1, 1]
    assert ged_squared(masks(A), masks(EMPTY)) == 2
    assert [one(masks(A), masks(EMPTY)) for one in MEASURES[1:]] == [0, 0, 0]


def test_classes_count_the_same():
    members, raters = masks([1, 1, 2, 0]), masks([1, 1, 0, 2])
    assert hm_iou(members, raters, 3) == pytest.approx(1 / 2)
    assert ged_squared(members, raters, 3) == pytest.approx(2 * 1 / 2)
    assert d_max(members, raters, 3) == pytest.approx(1 / 2)
    assert union_sensitivity(members, raters, 3) == pytest.approx(1 / 2)


@given(seeds, st.integers(1, 4), st.integers(1, 4))
def test_ged_is_symmetric_and_never_negative(seed: int, members: int, raters: int):
    one, other = drawn(seed, members), drawn(seed + 1, raters)
    assert ged_squared(one, other, 3) == pytest.approx(ged_squared(other, one, 3))
    assert -1e-9 <= ged_squared(one, other, 3) <= 2


@given(seeds, st.integers(1, 4))
def test_equal_sets_are_perfect_in_any_order(seed: int, count: int):
    one = drawn(seed, count)
    other = one.flip(0)
    assert ged_squared(one, other, 3) == pytest.approx(0, abs=1e-9)
    assert [measure(one, other, 3) for measure in MEASURES[1:]] == pytest.approx([1, 1, 1])


@given(seeds)
def test_repeating_a_whole_set_changes_nothing(seed: int):
    one, other = drawn(seed, 2), drawn(seed + 1, 3)
    twice = one.repeat(2, 1, 1)
    for measure in MEASURES:
        assert measure(twice, other, 3) == pytest.approx(measure(one, other, 3))


@given(seeds)
def test_more_members_never_lower_the_best(seed: int):
    members, raters = drawn(seed, 5), drawn(seed + 1, 2)
    for measure in (d_max, union_sensitivity):
        assert measure(members, raters, 3) >= measure(members[:2], raters, 3)


def test_all_at_once():
    members, raters = drawn(3, 4), drawn(4, 2)
    found = rater_agreement(members, raters, 3)
    values = found.ged_squared, found.hm_iou, found.d_max, found.union_sensitivity
    assert values == tuple(measure(members, raters, 3) for measure in MEASURES)
    assert (found.members, found.raters) == (4, 2)


@pytest.mark.parametrize("measure", MEASURES)
def test_what_cannot_be_compared_is_refused(measure):
    with pytest.raises(GridMismatch):
        measure(masks(A), drawn(0, 1))
    with pytest.raises(DataError, match="the label 2"):
        measure(drawn(0, 2), drawn(0, 2))
    with pytest.raises(DataError, match="0 members cannot be compared with 2 raters"):
        measure(drawn(0, 0), drawn(0, 2))


def test_large_studies_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch):
    generator = torch.Generator().manual_seed(0)
    members, raters = (torch.randint(3, (n, 5, 9, 9), generator=generator) for n in (4, 2))
    whole = rater_agreement(members, raters, 3)
    monkeypatch.setattr(agreement, "VOXELS_AT_ONCE", 100)
    assert rater_agreement(members, raters, 3) == whole


def test_regions_are_compared_in_place_of_the_classes():
    members, raters = drawn(1, 3), drawn(2, 2)
    whole = rater_agreement((members > 0).long(), (raters > 0).long(), 2)
    assert rater_agreement(members, raters, 3, regions=((1, 2),)) == whole
    core = rater_agreement((members == 2).long(), (raters == 2).long(), 2)
    both = rater_agreement(members, raters, 3, regions=((1, 2), (2,)))
    assert both.ged_squared == pytest.approx((whole.ged_squared + core.ged_squared) / 2)
