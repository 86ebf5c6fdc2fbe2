"""Temperature scaling by hand, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.ensemble import tempered
from medsegdiff.types import MaskCoding

P = torch.tensor([0.0, 0.1, 0.5, 0.8, 1.0])


def test_at_one_the_same_tensor_comes_back():
    for probability in (P[None], torch.stack([P, 1 - P])):
        assert tempered(probability, 1.0) is probability


def test_odds_are_raised_to_one_over_the_temperature():
    odds = torch.tensor([0.1 / 0.9, 1.0, 0.8 / 0.2]) ** 0.5
    assert tempered(P[None, 1:4], 2.0)[0].tolist() == pytest.approx((odds / (1 + odds)).tolist())


@given(st.floats(0.1, 10), st.integers(0, 2**31))
def test_two_classes_are_as_one_channel(temperature: float, seed: int):
    p = torch.rand(1, 50, generator=torch.Generator().manual_seed(seed))
    both = tempered(torch.cat([1 - p, p]), temperature)
    assert both[1:].sub(tempered(p, temperature)).abs().max() < 1e-5


@given(st.floats(0.05, 20), st.integers(0, 2**31))
def test_the_likeliest_class_stays(temperature: float, seed: int):
    p = torch.randn(4, 50, generator=torch.Generator().manual_seed(seed)).softmax(dim=0)
    scaled = tempered(p, temperature)
    assert scaled.sum(dim=0).sub(1).abs().max() < 1e-5
    assert scaled.gather(0, p.argmax(dim=0)[None])[0].sub(scaled.amax(dim=0)).abs().max() < 1e-6


def test_what_is_certain_stays_finite_and_in_order():
    for temperature in (0.05, 20.0):
        scaled = tempered(P[None], temperature)[0]
        assert scaled.isfinite().all()
        assert scaled.diff().min() >= 0


def test_each_region_has_odds_of_its_own():
    p = torch.rand(2, 50, generator=torch.Generator().manual_seed(0))
    regions = MaskCoding(3, regions=((1, 2), (2,)), painted=(1, 2))
    alone = torch.cat([tempered(one, 3.0) for one in p.split(1)])
    torch.testing.assert_close(tempered(p, 3.0, regions), alone)
