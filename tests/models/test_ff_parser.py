"""The FF-Parser: the identity when fresh, then a Fourier filter of any grid, always in float32."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.models.ff_parser import FFParser, identity_filter, resampled

grids = st.one_of(
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def parser(features=2, space_dims=2, side=None, seed=1):
    """One whose filter has left the identity."""
    module = FFParser(features, space_dims, side)
    with torch.no_grad():
        module.filter.add_(randn(*module.filter.shape, seed=seed))
    return module


@given(grids, st.integers(1, 5))
def test_a_fresh_one_is_the_identity(grid, features):
    m = randn(2, features, *grid)
    torch.testing.assert_close(FFParser(features, len(grid))(m), m, rtol=0, atol=2e-6)


@given(grids, st.sampled_from([4, 7, 16]))
def test_resampling_keeps_a_constant_filter(grid, side):
    weights = 0 * identity_filter(2, side, len(grid)) + torch.tensor([0.3, -2.0])
    found = resampled(weights, grid)
    assert found.shape == (2, *grid[:-1], grid[-1] // 2 + 1, 2)
    torch.testing.assert_close(found, torch.tensor([0.3, -2.0]).expand_as(found))


@given(grids, st.sampled_from([4, 7, 16]))
def test_resampling_keeps_the_weight_of_the_mean(grid, side):
    weights = randn(2, *[side] * (len(grid) - 1), side // 2 + 1, 2)
    stored = weights[(slice(None), *[side // 2] * (len(grid) - 1), 0)]
    found = resampled(weights, grid)[(slice(None), *[0] * len(grid))]
    torch.testing.assert_close(found, stored)


@given(grids)
def test_a_constant_field_only_changes_its_scale(grid):
    module = parser(space_dims=len(grid))
    weight = resampled(module.filter, grid)[(slice(None), *[0] * len(grid), 0)]
    found = module(torch.full((1, 2, *grid), 3.0))[0].flatten(1)
    torch.testing.assert_close(found, (3 * weight[:, None]).expand_as(found), rtol=0, atol=1e-4)


@pytest.mark.parametrize("side", [4, 8, 16])
def test_on_its_own_grid_the_filter_is_taken_as_stored(side):
    weights = randn(3, side, side // 2 + 1, 2)
    centred = torch.fft.fftshift(resampled(weights, (side, side)), dim=1)
    torch.testing.assert_close(centred, weights)


def test_between_stored_frequencies_the_weight_is_interpolated():
    weights = torch.zeros(1, 8, 5, 2)
    weights[0, :, :, 0] = torch.arange(5.0)  # the weight is 8 times the last frequency
    found = resampled(weights, (3, 20))[0, 0, :, 0]
    torch.testing.assert_close(found, 8 * torch.fft.rfftfreq(20))


@pytest.mark.parametrize("grid", [(4, 5), (5, 6), (6, 4), (1, 3)])
def test_it_is_the_filter_of_a_naive_fourier_sum(grid):
    module, m = parser(side=4), randn(1, 2, *grid)
    weights = torch.view_as_complex(resampled(module.filter, grid).detach().double())
    expected = naive_filter(m[0].double(), weights)
    torch.testing.assert_close(module(m)[0].double(), expected, rtol=0, atol=1e-5)


def naive_filter(m, weights):
    """Equations 4 to 6 frequency by frequency; a real field counts those of W / 2 up twice."""
    height, width = m.shape[1:]
    y, x = (
        axis.double() for axis in torch.meshgrid(*map(torch.arange, (height, width)), indexing="ij")
    )
    out = torch.zeros_like(m)
    for v, u in product(range(height), range(width // 2 + 1)):
        wave = torch.exp(2j * math.pi * (v * y / height + u * x / width))
        amplitude = (m * wave.conj()).sum((1, 2)) / (height * width) * weights[:, v, u]
        twice = 1 if u == 0 or 2 * u == width else 2
        out += twice * (amplitude[:, None, None] * wave).real
    return out


@given(grids, st.floats(-3, 3))
def test_it_is_linear(grid, factor):
    module, one, other = (
        parser(space_dims=len(grid)),
        randn(1, 2, *grid),
        randn(1, 2, *grid, seed=5),
    )
    found = module(one + factor * other)
    torch.testing.assert_close(found, module(one) + factor * module(other), rtol=0, atol=1e-4)


def test_it_commutes_with_shifts_of_the_image():
    module, m = parser(), randn(1, 2, 9, 12)
    shifted = module(m.roll((2, 5), dims=(2, 3)))
    torch.testing.assert_close(shifted, module(m).roll((2, 5), dims=(2, 3)), rtol=0, atol=1e-5)


def test_features_are_filtered_apart():
    module, m = parser(), randn(1, 2, 8, 8)
    changed = m.clone()
    changed[:, 1] = 0
    assert torch.equal(module(m)[:, 0], module(changed)[:, 0])


def test_autocast_leaves_it_in_float32():
    module, m = parser(), randn(1, 2, 12, 10)
    with torch.autocast("cpu", torch.bfloat16):
        single, half = module(m), module(m.bfloat16())
    assert torch.equal(single, module(m))
    assert half.dtype == torch.bfloat16
    exact = module(m.bfloat16().float())
    assert torch.equal(half, exact.bfloat16())  # one rounding, at the end


@pytest.mark.parametrize("grid", [(16, 16), (7, 10), (5, 6, 7)])
def test_gradient_reaches_the_real_and_the_imaginary_part(grid):
    module = FFParser(2, len(grid))
    (module(randn(1, 2, *grid)) * randn(1, 2, *grid, seed=3)).sum().backward()
    assert module.filter.grad is not None
    assert module.filter.grad[..., 0].any()
    assert module.filter.grad[..., 1].any()
    assert module.filter.grad.isfinite().all()
