"""Entropy of an ensemble and its two parts."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.ensemble import expected_entropy, mutual_information, predictive_entropy
from medsegdiff.types import MaskCoding


@given(classes=st.sampled_from([1, 2, 5]), members=st.integers(1, 6), seed=st.integers(0, 2**31))
def test_entropy_is_expected_entropy_and_mutual_information(classes, members, seed):
    scores = 5 * torch.randn(members, classes, 6, generator=torch.Generator().manual_seed(seed))
    masks = scores.sigmoid() if classes == 1 else scores.softmax(dim=1)
    total, mutual = predictive_entropy(masks), mutual_information(masks)
    torch.testing.assert_close(total, expected_entropy(masks) + mutual, atol=1e-6, rtol=0)
    assert mutual.min() >= 0
    assert total.max() <= math.log(max(classes, 2)) + 1e-6


def test_one_channel_is_the_foreground_of_two_classes():
    one = torch.rand(4, 1, 9, generator=torch.Generator().manual_seed(0))
    two = torch.cat([1 - one, one], dim=1)
    torch.testing.assert_close(predictive_entropy(one), predictive_entropy(two))
    torch.testing.assert_close(expected_entropy(one), expected_entropy(two))


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_a_uniform_mask_has_the_entropy_of_its_classes(classes):
    masks = torch.full((3, classes, 4), 1 / classes)
    torch.testing.assert_close(predictive_entropy(masks), torch.full((4,), math.log(classes)))
    assert mutual_information(masks).max() < 1e-6


def test_sure_members_that_disagree_have_mutual_information_only():
    masks = torch.tensor([0.0, 1.0]).reshape(2, 1, 1)
    assert expected_entropy(masks).item() == 0
    assert mutual_information(masks).item() == pytest.approx(math.log(2))


@given(members=st.integers(1, 6), regions=st.integers(1, 4), seed=st.integers(0, 2**31))
def test_the_entropy_of_regions_is_the_mean_of_binary_ones(members, regions, seed):
    masks = torch.rand(members, regions, 6, generator=torch.Generator().manual_seed(seed))
    coding = MaskCoding(regions + 1, False, tuple((i + 1,) for i in range(regions)))
    total = predictive_entropy(masks, coding)
    each = torch.stack([predictive_entropy(masks[:, [i]]) for i in range(regions)])
    torch.testing.assert_close(total, each.mean(dim=0))
    assert total.max() <= coding.highest_entropy + 1e-6
    parts = expected_entropy(masks, coding) + mutual_information(masks, coding)
    torch.testing.assert_close(total, parts, atol=1e-6, rtol=0)
