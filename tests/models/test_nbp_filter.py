"""The neural band-pass filter: a share for each pair of frequencies, the same on any grid."""

from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.models.nbp_filter import AllPass, NBPFilter, magnitudes

grids = st.lists(st.integers(1, 9), min_size=2, max_size=3).map(tuple)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def band(time=6):
    """A filter whose weights have left their first values."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = NBPFilter(time)
    with torch.no_grad():
        for seed, weight in enumerate(module.parameters()):
            weight.add_(0.3 * randn(*weight.shape, seed=seed))
    return module


@given(grids)
def test_magnitudes_are_those_of_the_frequencies(grid):
    found = magnitudes(grid, is_half=False).view(grid)
    for at in torch.cartesian_prod(*map(torch.arange, grid)).tolist():
        waves = [min(i, side - i) / side for i, side in zip(at, grid, strict=True)]
        expected = math.dist(waves, [0] * len(grid)) * 2 / math.sqrt(len(grid))
        assert abs(found[tuple(at)].item() - expected) < 1e-6
    half = magnitudes(grid, is_half=True).view(*grid[:-1], -1)
    assert torch.equal(half, found[..., : grid[-1] // 2 + 1])


@given(grids)
@torch.no_grad()
def test_every_pair_has_a_share_of_its_own_between_0_and_1(grid):
    query, key = magnitudes(grid, False), magnitudes(grid, True)
    found = band()(query, key, randn(2, 6))
    assert found.shape == (2, len(query), len(key))
    assert found.min() >= 0
    assert found.max() <= 1


@torch.no_grad()
def test_it_is_the_function_of_each_pair_of_magnitudes():
    module, time = band(), randn(2, 6)
    query, key = torch.tensor([0.3, 0.0, 0.3, 1.0]), torch.tensor([0.7, 0.1, 0.7])
    found = module(query, key, time)
    for i, j in torch.cartesian_prod(torch.arange(4), torch.arange(3)).tolist():
        alone = module(query[i : i + 1], key[j : j + 1], time)[:, 0, 0]
        torch.testing.assert_close(found[:, i, j], alone)


@torch.no_grad()
def test_the_same_frequencies_pass_on_any_grid():
    module, time = band(), randn(1, 6)
    coarse, fine = magnitudes((4, 4), False), magnitudes((8, 12), False)
    small, large = module(coarse, coarse, time)[0], module(fine, fine, time)[0]
    half = 2 * 12 + 3  # frequency (2/8, 3/12) = (1/4, 1/4), which is (1, 1) of the coarse grid
    torch.testing.assert_close(large[half, half], small[5, 5])
    torch.testing.assert_close(large[0, half], small[0, 5])


@torch.no_grad()
def test_the_level_decides_what_passes():
    module, radii = band(), magnitudes((6, 6), False)
    early, late = module(radii, radii, randn(2, 6))
    assert (early - late).abs().max() > 0.01
    assert early.std() > 0.01


def test_all_pass_is_all_ones():
    passed = AllPass()(torch.rand(3), torch.rand(4), randn(2, 6))
    assert torch.equal(passed, torch.ones(2, 3, 4))


def test_every_weight_learns():
    module, radii = NBPFilter(6), magnitudes((4, 5), False)
    (module(radii, radii, randn(2, 6)) * randn(2, 20, 20)).sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in module.parameters())
