"""STAPLE finds the truth and how far each member can be trusted."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from medsegdiff.ensemble import Staple, Vote, estimate_truth
from medsegdiff.ensemble.staple import _decision_patterns

RATES = torch.tensor([0.95, 0.9, 0.8, 0.7, 0.6])  # sensitivity of each simulated member
SPECIFICITY = torch.tensor([0.99, 0.9, 0.95, 0.85, 0.8])


def simulated(seed: int = 0, side: int = 200) -> tuple[Tensor, Tensor]:
    """A disc, and the members' labels with the rates above at every voxel by itself."""
    generator = torch.Generator().manual_seed(seed)
    axis = torch.arange(side) - side / 2
    truth = (axis[:, None] ** 2 + axis**2 < (side / 3) ** 2).long()
    chance = torch.rand(len(RATES), side, side, generator=generator)
    rate = torch.where(truth == 1, RATES[:, None, None], 1 - SPECIFICITY[:, None, None])
    return truth, (chance < rate).long()


def test_recovers_known_sensitivities_and_specificities():
    _, labels = simulated()
    confusion = estimate_truth(labels, 2).confusion.float()
    torch.testing.assert_close(confusion[:, 1, 1], RATES, atol=0.02, rtol=0)
    torch.testing.assert_close(confusion[:, 0, 0], SPECIFICITY, atol=0.02, rtol=0)


def test_is_nearer_to_the_truth_than_the_vote():
    truth, labels = simulated()
    members = labels[:, None].float()
    wrong = [(e()(members).probability[0] >= 0.5).ne(truth == 1).sum() for e in (Staple, Vote)]
    assert wrong[0] < 0.8 * wrong[1]


def test_recovers_a_confusion_matrix_of_three_classes():
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(3, (40_000,), generator=generator)
    matrix = torch.tensor([[0.9, 0.1, 0.0], [0.05, 0.8, 0.2], [0.05, 0.1, 0.8]])  # [said, true]
    labels = matrix.T[truth].multinomial(5, replacement=True, generator=generator).T
    estimate = estimate_truth(labels, 3)
    expected = matrix.double().expand(5, 3, 3)
    torch.testing.assert_close(estimate.confusion, expected, atol=0.03, rtol=0)
    assert (estimate.probability.argmax(dim=0) == truth).double().mean() > 0.97


def test_columns_of_a_confusion_matrix_sum_to_one():
    confusion = estimate_truth(simulated()[1], 4).confusion  # classes 2 and 3 are never said
    torch.testing.assert_close(confusion.sum(dim=1), torch.ones(5, 4, dtype=torch.float64))


@pytest.mark.parametrize(("members", "classes"), [(3, 2), (40, 2), (7, 30)])
def test_patterns_are_the_distinct_columns(members, classes):
    labels = torch.randint(classes, (members, 50), generator=torch.Generator().manual_seed(0))
    labels[:, 25:] = labels[:, :25]
    where, count, patterns = _decision_patterns(labels, classes)
    assert torch.equal(patterns[:, where], labels)
    assert patterns.shape[1] == labels.unique(dim=1).shape[1]
    assert count.sum() == 50
