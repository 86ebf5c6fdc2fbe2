"""The U-Net that knows the level: one path, any grid, presets that say their cost."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medsegdiff.models.denoising_unet import (
    SIZES,
    Bottleneck,
    Decoder,
    DenoisingUNet,
    Encoder,
    Size,
)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_twice_the_blocks_at_the_same_widths():
    assert Size((4, 6), (1, 2)).with_blocks(times=2) == Size((4, 6), (2, 4))


@settings(max_examples=15)
@given(st.lists(st.integers(1, 20), min_size=2, max_size=3))
@torch.no_grad()
def test_any_grid_and_each_stage_halves_it(grid):
    encoder, m = Encoder(Size((3, 4, 5), (1, 0, 2)), 6, len(grid)), randn(1, 3, *grid)
    for k in range(3):
        m = encoder.step(k, m, randn(1, 6))
        assert m.shape == (1, k + 3, *[-(-side // 2**k) for side in grid])
    unet = DenoisingUNet(Size((3, 4, 5), (1, 0, 2)), 2, 6, len(grid))
    assert unet(randn(1, 3, *grid), randn(1, 6)).shape == (1, 2, *grid)


@torch.no_grad()
def test_the_decoder_joins_the_skips_of_its_own_resolution():
    unet, m, time = DenoisingUNet(SIZES["tiny"], 1, 6, 2), randn(1, 8, 16, 12), randn(1, 6)
    fine = unet.encoder.step(0, m, time)
    middle = unet.encoder.step(1, fine, time)
    deep = unet.deepest(unet.encoder.step(2, middle, time), time)
    torch.testing.assert_close(unet(m, time), unet.decoder(deep, [fine, middle], time))


@torch.no_grad()
def test_at_the_coarsest_grid_each_place_sees_all_others():
    bottleneck, m, time = Bottleneck(4, 6, 2), randn(1, 4, 3, 40), randn(1, 6)
    other = m.clone()
    other[..., -1] += 1
    found = bottleneck(m, time)
    assert found.shape == m.shape
    assert not torch.allclose(bottleneck(other, time)[..., 0], found[..., 0], atol=1e-7)


@torch.no_grad()
def test_an_output_behind_a_strided_stem_is_that_much_finer():
    decoder = Decoder((3, 4), 2, 6, 3, stem_stride=2)
    out = decoder(randn(1, 4, 2, 2, 3), [randn(1, 3, 4, 3, 5)], randn(1, 6))
    assert out.shape == (1, 2, 8, 6, 10)


def test_every_weight_learns():
    unet = DenoisingUNet(SIZES["tiny"], 1, 6, 2)
    (unet(randn(2, 8, 16, 12), randn(2, 6)) * randn(2, 1, 16, 12)).sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in unet.parameters())
