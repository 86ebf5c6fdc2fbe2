"""The spectrum-space transformer: filtered affinities, and plain products when all may pass."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from medsegdiff.models.nbp_filter import magnitudes
from medsegdiff.models.ss_former import SpectrumAttention, SSFormer, SSFormerBlock

grids = st.lists(st.integers(1, 6), min_size=2, max_size=3).map(tuple)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def built(kind, *settings):
    """A module whose weights have left their first values."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = kind(*settings)
    with torch.no_grad():
        for seed, weight in enumerate(module.parameters()):
            weight.add_(0.3 * randn(*weight.shape, seed=seed))
    return module


def plain_product(query, key):
    """Mean over the tokens of q k^T, scaled as attention is."""
    tokens = math.prod(query.shape[2:])
    product = query.flatten(2).transpose(1, 2) @ key.flatten(2)
    return product / (tokens * math.sqrt(query.shape[1]))


class MeanOnly(nn.Module):
    """A filter that lets the mean of both sides pass and nothing else."""

    def forward(self, query, key, time):
        return ((query == 0)[:, None] & (key == 0)).float().expand(len(time), -1, -1)


@given(grids)
@torch.no_grad()
def test_an_affinity_of_which_all_may_pass_is_the_plain_product(grid):
    module = SpectrumAttention(4, 6, len(grid), nbp_filter=False)
    query, key = randn(2, 4, *grid), randn(2, 4, *grid, seed=1)
    found = module.affinity(query, key, randn(2, 6))
    torch.testing.assert_close(found, plain_product(query, key), rtol=0, atol=1e-5)


@torch.no_grad()
def test_an_open_filter_is_no_filter():
    module = SpectrumAttention(4, 6, 2, nbp_filter=True)
    module.band.out.weight.zero_()
    module.band.out.bias.fill_(50)
    query, key = randn(2, 4, 5, 6), randn(2, 4, 5, 6, seed=1)
    found = module.affinity(query, key, randn(2, 6))
    torch.testing.assert_close(found, plain_product(query, key), rtol=0, atol=1e-5)


@pytest.mark.parametrize("grid", [(3, 4), (4, 5), (2, 3, 4)])
@torch.no_grad()
def test_a_filtered_affinity_is_that_of_whole_fourier_matrices(grid):
    module, time = built(SpectrumAttention, 4, 6, len(grid), True), randn(2, 6)
    query, key = randn(2, 4, *grid), randn(2, 4, *grid, seed=1)
    waves = torch.eye(math.prod(grid)).view(-1, *grid).to(torch.complex128)
    fourier = torch.fft.fftn(waves, dim=tuple(range(1, 1 + len(grid))), norm="ortho").flatten(1)
    radii = magnitudes(grid, is_half=False)
    spectrum = fourier @ plain_product(query, key).to(fourier) @ fourier.T
    passed = spectrum * module.band(radii, radii, time)
    expected = fourier.conj() @ passed @ fourier.conj().T
    assert expected.imag.abs().max() < 1e-6
    found = module.affinity(query, key, time).double()
    torch.testing.assert_close(found, expected.real, rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_filter_of_the_mean_alone_makes_every_affinity_alike():
    module = SpectrumAttention(4, 6, 2, nbp_filter=True)
    module.band = MeanOnly()
    query, key = randn(1, 4, 3, 4), randn(1, 4, 3, 4, seed=1)
    found = module.affinity(query, key, randn(1, 6))
    expected = plain_product(query, key).mean()
    torch.testing.assert_close(found, expected.expand_as(found), rtol=0, atol=1e-6)


@torch.no_grad()
def test_what_is_asked_answers_each_that_asks():
    module, time = built(SpectrumAttention, 4, 6, 2, True), randn(1, 6)
    asking, asked = randn(1, 4, 2, 3), randn(1, 4, 2, 3, seed=1)
    source = module.norm_asked(asked)
    query, key, value = (
        module.query(module.norm_asking(asking)),
        module.key(source),
        module.value(source),
    )
    affinity, answer = module.affinity(query, key, time)[0], torch.zeros(1, 4, 2, 3)
    for q, k in itertools.product(range(6), range(6)):
        answer[0, :, q // 3, q % 3] += affinity[q, k] * value[0, :, k // 3, k % 3]
    scale, shift = module.modulate.scale_and_shift(time)[0].chunk(2)
    answer = module.norm(answer) * (1 + scale)[:, None, None] + shift[:, None, None]
    torch.testing.assert_close(module(asking, asked, time), asked + module.mlp(answer))


@torch.no_grad()
def test_each_half_asks_the_other_with_weights_of_its_own():
    block, time = built(SSFormerBlock, 4, 6, 2, True), randn(1, 6)
    c_0, e = randn(1, 4, 3, 4), randn(1, 4, 3, 4, seed=1)
    image, mask = block(c_0, e, time)
    torch.testing.assert_close(image, block.to_image(e, c_0, time))
    torch.testing.assert_close(mask, block.to_mask(image, e, time))
    assert not {id(p) for p in block.to_image.parameters()} & {
        id(p) for p in block.to_mask.parameters()
    }


@torch.no_grad()
def test_an_mlp_of_zeros_passes_the_noisy_mask_on():
    module, e = built(SSFormer, 4, 6, 2, 2), randn(2, 4, 3, 5)
    for block in module.blocks:
        for part in (block.to_image, block.to_mask):
            part.mlp[-1].weight.zero_()
            part.mlp[-1].bias.zero_()
    assert torch.equal(module(randn(2, 4, 3, 5, seed=1), e, randn(2, 6)), e)


@given(grids, st.integers(1, 9))
@torch.no_grad()
def test_any_grid_and_any_width(grid, features):
    module = SSFormer(features, 6, 1, len(grid))
    out = module(randn(2, features, *grid), randn(2, features, *grid, seed=1), randn(2, 6))
    assert out.shape == (2, features, *grid)
    assert out.isfinite().all()


@torch.no_grad()
def test_autocast_leaves_the_affinity_in_float32():
    module = built(SpectrumAttention, 4, 6, 2, True)
    given = randn(1, 4, 4, 4), randn(1, 4, 4, 4, seed=1), randn(1, 6)
    with torch.autocast("cpu", torch.bfloat16):
        half = module(*(m.bfloat16() for m in given))
    torch.testing.assert_close(half.float(), module(*given), rtol=0, atol=0.15)


@pytest.mark.parametrize("nbp_filter", [True, False])
def test_every_weight_learns(nbp_filter):
    module = SSFormer(4, 6, 2, 2, nbp_filter)
    out = module(randn(2, 4, 3, 4), randn(2, 4, 3, 4, seed=1), randn(2, 6))
    (out * randn(2, 4, 3, 4, seed=2)).sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in module.parameters())
