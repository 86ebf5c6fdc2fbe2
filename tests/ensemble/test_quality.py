"""Mean pairwise Dice of the members."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.ensemble import pairwise_dice
from medsegdiff.types import BINARY, MaskCoding


def naive(labels: np.ndarray, classes: int) -> float:
    values = []
    for index in range(1, classes):
        masks = labels == index
        for one, other in combinations(masks, 2) if masks.any() else ():
            total = one.sum() + other.sum()
            values.append(2 * (one & other).sum() / total if total else 1.0)
    return float(np.mean(values)) if values else 1.0


@given(members=st.integers(2, 5), classes=st.integers(2, 4), seed=st.integers(0, 2**31))
def test_agrees_with_a_loop_over_pairs(members, classes, seed):
    labels = torch.randint(classes, (members, 3, 3), generator=torch.Generator().manual_seed(seed))
    assert pairwise_dice(labels, MaskCoding(classes)) == pytest.approx(
        naive(labels.numpy(), classes), abs=1e-6
    )


def test_one_member_has_no_quality():
    assert pairwise_dice(torch.ones(1, 4, 4, dtype=torch.long), BINARY) is None


def test_empty_members_agree():
    assert pairwise_dice(torch.zeros(3, 4, 4, dtype=torch.long), BINARY) == 1.0


def test_a_class_that_nobody_draws_does_not_raise_the_quality():
    labels = torch.tensor([[1, 1, 0, 0], [0, 1, 1, 0]])
    assert pairwise_dice(labels, BINARY) == pytest.approx(0.5)
    assert pairwise_dice(labels, MaskCoding(9)) == pytest.approx(0.5)


def test_regions_are_compared_and_not_the_classes_that_stand_for_them():
    whole = MaskCoding(3, regions=((1, 2), (2,)), painted=(1, 2))
    labels = torch.tensor([[1, 2, 0], [1, 1, 0]])  # the same whole, the core in one alone
    assert pairwise_dice(labels, whole) == pytest.approx((1 + 0) / 2)
