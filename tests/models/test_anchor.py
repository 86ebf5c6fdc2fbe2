"""Uncertain spatial attention: a Gaussian whose width is learned, a maximum, a gate."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import correlate1d

from medsegdiff.models.anchor import (
    FIRST_SIGMA,
    REACH,
    GaussianSmoothing,
    UncertainSpatialAttention,
    anchored,
)

grids = st.lists(st.integers(1, 11), min_size=2, max_size=3)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def sigma(value):
    """A smoothing of this width."""
    module = GaussianSmoothing()
    module.log_sigma.fill_(math.log(value))
    return module


@given(grids)
@torch.no_grad()
def test_smoothing_is_a_convolution_with_a_gaussian(grid):
    m, width = randn(1, 2, *grid), 0.8
    weights = [math.exp(-0.5 * (i / width) ** 2) for i in range(-REACH, REACH + 1)]
    expected = m.numpy()
    for axis in range(2, m.ndim):
        expected = correlate1d(expected, [w / sum(weights) for w in weights], axis, mode="nearest")
    torch.testing.assert_close(sigma(width)(m), torch.from_numpy(expected), rtol=0, atol=1e-5)


@torch.no_grad()
def test_smoothing_keeps_a_constant_and_a_narrow_one_keeps_everything():
    m = randn(1, 3, 7, 5)
    torch.testing.assert_close(sigma(2.0)(torch.full_like(m, 3)), torch.full_like(m, 3))
    torch.testing.assert_close(sigma(0.1)(m), m)
    assert GaussianSmoothing().log_sigma.item() == pytest.approx(math.log(FIRST_SIGMA))


@torch.no_grad()
def test_the_gate_is_that_of_the_formula():
    module, f_c = UncertainSpatialAttention(4, 2), randn(2, 4, 6, 5)
    f_anc = torch.maximum(module.smoothing(f_c), f_c)
    weight, bias = module.to_gate.weight[0, :, 0, 0], module.to_gate.bias
    expected = ((weight[:, None, None] * f_anc).sum(1, keepdim=True) + bias).sigmoid()
    torch.testing.assert_close(module(f_c), expected)
    assert module(f_c).shape == (2, 1, 6, 5)


@torch.no_grad()
def test_what_the_condition_is_sure_of_stays_and_spreads():
    module, spot = UncertainSpatialAttention(1, 2), torch.zeros(1, 1, 9, 9)
    module.to_gate.weight.fill_(1)
    module.to_gate.bias.zero_()
    spot[..., 4, 4] = 5
    gate = module(spot)
    assert gate[..., 4, 4].item() == pytest.approx(1 / (1 + math.exp(-5)))
    assert gate[..., 4, 5] > 0.6
    assert gate[..., 0, 0] == 0.5


@torch.no_grad()
def test_a_convolution_of_zeros_leaves_half_of_it_everywhere():
    module, f_d = UncertainSpatialAttention(4, 3), randn(2, 6, 4, 3, 5)
    module.to_gate.weight.zero_()
    module.to_gate.bias.zero_()
    torch.testing.assert_close(anchored(f_d, module(randn(2, 4, 4, 3, 5, seed=1))), 1.5 * f_d)


def test_a_shut_gate_changes_nothing_and_an_open_one_doubles():
    f_d = randn(3, 6, 4, 5)
    assert torch.equal(anchored(f_d, torch.zeros(1, 1, 4, 5)), f_d)
    assert torch.equal(anchored(f_d, torch.ones(1, 1, 4, 5)), 2 * f_d)


def test_every_weight_learns():
    module = UncertainSpatialAttention(4, 2)
    anchored(randn(2, 3, 6, 5, seed=1), module(randn(2, 4, 6, 5))).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in module.parameters())
