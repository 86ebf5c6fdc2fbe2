"""Dice, IoU, sensitivity and precision of masks whose overlap is known."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.metrics import Dice, IoU, Metric, Precision, Sensitivity

PREDICTION = torch.tensor([[1, 1, 1, 0, 0, 0]])
REFERENCE = torch.tensor([[0, 1, 1, 1, 1, 0]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("dice", 4 / 7), ("iou", 2 / 5), ("sensitivity", 2 / 4), ("precision", 2 / 3)],
)
def test_three_voxels_against_four_of_which_two_are_shared(name, expected):
    assert Metric.named(name)()(PREDICTION, REFERENCE).item() == expected


@given(seed=st.integers(0, 2**31))
def test_the_four_measures_know_each_other(seed):
    generator = torch.Generator().manual_seed(seed)
    one, other = torch.randint(2, (2, 8, 8), generator=generator)
    dice, iou = Dice()(one, other).item(), IoU()(one, other).item()
    assert dice == pytest.approx(2 * iou / (1 + iou))
    assert Sensitivity()(one, other) == Precision()(other, one)
