"""The Dice that a mask has if its probabilities come true."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.ensemble import expected_dice, tempered
from medsegdiff.metrics import Dice
from medsegdiff.types import BINARY, MaskCoding


def probability_of(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows)[:, None]  # (K, 1, N)


def test_a_mask_that_is_sure_is_expected_to_be_right():
    probability = probability_of([1.0, 1.0, 0.0, 0.0])
    assert expected_dice(probability, torch.tensor([[1, 1, 0, 0]]), BINARY) == 1
    assert expected_dice(probability, torch.tensor([[0, 0, 1, 1]]), BINARY) == 0


def test_every_doubt_counts_whether_it_is_inside_or_outside():
    probability = probability_of([0.5, 1.0, 0.25, 0.25])
    found = expected_dice(probability, torch.tensor([[1, 1, 0, 0]]), BINARY)
    assert found == pytest.approx(2 * 1.5 / (2.0 + 2))


@given(seed=st.integers(0, 2**31))
def test_it_is_the_mean_dice_of_truths_drawn_from_the_probabilities(seed):
    random = torch.Generator().manual_seed(seed)
    probability = torch.rand(1, 40, 40, generator=random)
    labels = (probability[0] > 0.5).long()
    truths = (torch.rand(50, 40, 40, generator=random) < probability).long()
    dice = [float(Dice(classes=2)(labels, truth, None)) for truth in truths]
    assert expected_dice(probability, labels, BINARY) == pytest.approx(
        sum(dice) / len(dice), abs=0.01
    )


def test_an_empty_mask_is_right_if_nothing_is_there():
    labels = torch.zeros(1, 4, dtype=torch.long)
    assert expected_dice(probability_of([0.0] * 4), labels, BINARY) == 1
    assert expected_dice(probability_of([0.0, 0.4, 0.1, 0.0]), labels, BINARY) == pytest.approx(0.6)


def test_each_class_counts_the_same_and_the_background_not_at_all():
    probability = probability_of([0.0, 0.5, 0.5, 1.0], [1.0, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.0])
    labels = torch.tensor([[1, 1, 0, 0]])
    found = expected_dice(probability, labels, MaskCoding.of_classes(3))
    assert found == pytest.approx((2 * 1.5 / (1.5 + 2) + 0.5) / 2)


def test_regions_are_scored_and_not_the_classes_that_stand_for_them():
    coding = MaskCoding(3, regions=((1, 2), (2,)), painted=(1, 2))
    probability = probability_of([1.0, 1.0, 0.0], [0.0, 0.5, 0.0])
    found = expected_dice(probability, torch.tensor([[1, 2, 0]]), coding)
    assert found == pytest.approx((1 + 2 * 0.5 / 1.5) / 2)


def test_empty_space_around_a_structure_changes_nothing():
    near = torch.zeros(1, 8, 8)
    near[:, 2:6, 2:6] = 1
    wide = torch.nn.functional.pad(near, (200, 200, 200, 200))
    scores = [
        expected_dice(tempered(one, 2.0), (one[0] > 0.5).long(), BINARY) for one in (near, wide)
    ]
    assert scores[0] == scores[1] > 0.99


def test_a_large_image_is_summed_in_parts():
    probability = torch.rand(1, 1100, 1100, generator=torch.Generator().manual_seed(0))
    labels = (probability[0] > 0.5).long()
    given = torch.where(probability[0] >= 0.02, probability[0], 0).double()
    whole = 2 * given[labels > 0].sum() / (given.sum() + labels.sum())
    assert expected_dice(probability, labels, BINARY) == pytest.approx(float(whole), abs=1e-12)
