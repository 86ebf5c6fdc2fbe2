"""Members at their own levels: by hand, at the limits, and nearly as often as is likely."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.ensemble import at_own_level, own_draw
from medsegdiff.ensemble.levels import TAIL
from medsegdiff.types import MaskCoding, labels_from_probability

BINARY = MaskCoding.of_channels(1)
MANY = 2000


def drawn(p: torch.Tensor, spread: float, coding: MaskCoding, count: int = MANY) -> torch.Tensor:
    """Labels of so many members with the same probability, shape (count, *S)."""
    start = torch.full((len(p),), 0.3)
    moved = (at_own_level(p, own_draw(start, m), spread, coding) for m in range(count))
    return torch.stack([labels_from_probability(one, 0.5, coding) for one in moved])


def test_without_spread_the_same_tensor_comes_back():
    p = torch.rand(1, 4, 5)
    assert at_own_level(p, torch.tensor([0.2]), 0.0, BINARY) is p


def test_one_channel_is_cut_at_its_draw():
    p = torch.linspace(0.01, 0.99, 99)[None]
    moved = at_own_level(p, torch.tensor([0.2]), 1.0, BINARY)
    assert labels_from_probability(moved, 0.5, BINARY).equal((p[0] >= 0.2 - 1e-6).long())


def test_a_voxel_is_in_as_many_members_as_is_likely_but_for_the_tails():
    p = torch.tensor([[0.04, 0.05, 0.3, 0.5, 0.9, 0.96]])
    likely = ((p[0] - TAIL) / (1 - 2 * TAIL)).clamp(0, 1)
    found = drawn(p, 1.0, BINARY).float().mean(dim=0)
    assert found.sub(likely).abs().max() < 0.01
    assert found[0] == 0
    assert found[-1] == 1


def test_a_voxel_has_each_class_nearly_as_often_as_is_likely():
    p = torch.tensor([[0.6, 0.2], [0.3, 0.3], [0.1, 0.5]])
    labels = drawn(p, 1.0, MaskCoding.of_channels(3))
    found = torch.stack([(labels == k).float().mean(dim=0) for k in range(3)])
    u = TAIL + (1 - 2 * TAIL) * (torch.arange(100) + 0.5) / 100  # all draws, evenly
    gumbel = -(-torch.cartesian_prod(u, u, u).log()).log()  # (n, 3)
    winner = (p.log().T[:, None] + gumbel).argmax(dim=-1)  # (2, n)
    likely = torch.stack([(winner == k).float().mean(dim=1) for k in range(3)])
    assert found.sub(likely).abs().max() < 0.01
    assert found.sub(p).abs().max() < 0.06


def test_less_spread_is_between_one_mask_and_all_of_them():
    p = torch.tensor([[0.3]])
    shares = [float(drawn(p, s, BINARY).float().mean()) for s in (0.0, 0.25, 0.5, 1.0)]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx((0.3 - TAIL) / (1 - 2 * TAIL), abs=0.01)


@given(st.integers(1, 5), st.floats(0, 0.999), st.integers(16, 60))
def test_the_first_draws_lie_well_apart(channels: int, start: float, count: int):
    draws = torch.stack([own_draw(torch.full((channels,), start), m) for m in range(count)])
    assert float(draws.min()) >= TAIL - 1e-6
    assert float(draws.max()) <= 1 - TAIL + 1e-6
    below = (draws < 0.5).float().mean(dim=0)
    assert below.sub(0.5).abs().max() < 0.25


def test_a_draw_hangs_on_its_number_alone():
    start = torch.tensor([0.1])
    shares = [(own_draw(start, number).item() - TAIL) / (1 - 2 * TAIL) for number in (0, 1)]
    assert shares == pytest.approx([0.1, 0.1 + 0.6180339887], abs=1e-6)
