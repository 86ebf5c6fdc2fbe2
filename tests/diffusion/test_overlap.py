"""Cross-entropy and Dice: near nothing for the truth, and as their formulas say."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from medsegdiff.diffusion import cross_entropy_and_dice, probability_from_logits
from medsegdiff.diffusion.overlap import soft_dice
from medsegdiff.types import BINARY, MaskCoding


def truth(channels, seed=0, size=(6, 7)):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, max(2, channels), (3, *size), generator=generator)
    return MaskCoding.of_channels(channels).encode(labels)


def cost(logits, mask):
    return cross_entropy_and_dice(logits, mask, MaskCoding.of_channels(mask.shape[1]))


@given(st.sampled_from([1, 2, 4]), st.integers(0, 99))
def test_perfect_logits_cost_nearly_nothing(channels, seed):
    mask = truth(channels, seed)
    assert cost(40 * (2 * mask - 1), mask).max() < 1e-5


@pytest.mark.parametrize("channels", [1, 3])
def test_an_empty_mask_found_empty_costs_nearly_nothing(channels):
    mask = torch.zeros(2, channels, 6, 7)
    if channels > 1:
        mask[:, 0] = 1
    assert cost(40 * (2 * mask - 1), mask).max() < 1e-5


@given(st.sampled_from([1, 2, 4]), st.integers(0, 99))
def test_wrong_logits_cost_more_than_undecided_ones(channels, seed):
    mask = truth(channels, seed)
    wrong = cost(10 * (1 - 2 * mask), mask)
    undecided = cost(torch.zeros_like(mask), mask)
    assert (wrong > undecided).all()
    assert (undecided > math.log(max(2, channels))).all()


def test_the_sum_of_both_formulas_for_one_channel():
    logits, mask = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0, 0.0, 0.0])
    p = [1 / (1 + math.exp(-z)) for z in logits.tolist()]
    entropy = -(math.log(p[0]) + math.log(1 - p[1]) + math.log(1 - p[2])) / 3
    dice = (2 * p[0] + 1) / (sum(p) + 1 + 1)
    found = cost(logits.view(1, 1, 1, 3), mask.view(1, 1, 1, 3))
    assert found.item() == pytest.approx(entropy + 1 - dice, abs=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_weight_of_the_cross_entropy_is_not_that_of_dice(channels):
    logits, mask = torch.randn(3, channels, 6, 7), truth(channels)
    coding = MaskCoding.of_channels(channels)
    dice_alone, once, ten = (
        cross_entropy_and_dice(logits, mask, coding, beta) for beta in (0.0, 1.0, 10.0)
    )
    torch.testing.assert_close(ten - dice_alone, 10 * (once - dice_alone))
    shared = slice(1, None) if channels > 1 else slice(None)
    dice = soft_dice(probability_from_logits(logits, coding)[:, shared], mask[:, shared])
    torch.testing.assert_close(dice_alone, 1 - dice)


def test_background_has_no_dice():
    mask = truth(3)
    logits = torch.randn(3, 3, 6, 7, generator=torch.Generator().manual_seed(1))
    dice = soft_dice(logits.softmax(dim=1)[:, 1:], mask[:, 1:])
    entropy = functional.cross_entropy(logits, mask, reduction="none").flatten(1).mean(dim=1)
    torch.testing.assert_close(cost(logits, mask), entropy + 1 - dice)


def test_rows_do_not_see_each_other():
    logits, mask = torch.randn(3, 2, 6, 7, generator=torch.Generator().manual_seed(0)), truth(2)
    alone = [cost(logits[i, None], mask[i, None]) for i in range(3)]
    torch.testing.assert_close(cost(logits, mask), torch.cat(alone))


@pytest.mark.parametrize("channels", [1, 3])
def test_half_precision_logits_are_scored_in_float32(channels):
    logits, mask = torch.full((3, channels, 6, 7), 30.0, dtype=torch.bfloat16), truth(channels)
    assert cost(logits, mask).dtype == torch.float32
    assert probability_from_logits(logits, BINARY).dtype == torch.float32


def test_regions_are_scored_as_binary_tasks_side_by_side():
    regions = MaskCoding(4, regions=((1, 2, 3), (2,)), painted=(1, 2))
    generator = torch.Generator().manual_seed(0)
    mask = regions.encode(torch.randint(4, (3, 6, 7), generator=generator))
    logits = torch.randn(3, 2, 6, 7, generator=generator)
    each = [cost(logits[:, [i]], mask[:, [i]]) for i in range(2)]
    found = cross_entropy_and_dice(logits, mask, regions)
    torch.testing.assert_close(found, torch.stack(each).mean(dim=0))
    assert torch.equal(probability_from_logits(logits, regions), logits.sigmoid())


@pytest.mark.parametrize("channels", [1, 3])
def test_ignored_voxels_cost_what_they_would_if_they_were_cut_off(channels):
    logits, mask = torch.randn(3, channels, 6, 7), truth(channels)
    weight = torch.ones(3, 1, 6, 7)
    weight[..., 4:] = 0
    coding = MaskCoding.of_channels(channels)
    found = cross_entropy_and_dice(logits, mask, coding, 0.5, weight)
    cut = cross_entropy_and_dice(logits[..., :4], mask[..., :4], coding, 0.5)
    torch.testing.assert_close(found, cut)


def test_a_row_of_ignored_voxels_alone_costs_nothing():
    logits, mask = torch.randn(3, 1, 6, 7), truth(1)
    found = cross_entropy_and_dice(logits, mask, BINARY, weight=torch.zeros(3, 1, 6, 7))
    assert torch.equal(found, torch.zeros(3))
