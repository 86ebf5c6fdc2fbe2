"""The residual U-Net: features of every resolution, any grid, any depth."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from medsegdiff.models.blocks import resized
from medsegdiff.models.low_resolution import EVERYWHERE_ALIKE
from medsegdiff.models.residual_unet import ResidualUNet, resolutions
from medsegdiff.models.unet import UNet


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=15)
@given(st.lists(st.integers(1, 20), min_size=2, max_size=3), st.integers(1, 4))
@torch.no_grad()
def test_features_halve_from_resolution_to_resolution(grid, depth):
    unet = ResidualUNet(2, 1, (3, 4, 5, 6)[:depth], (0, 1, 2, 1)[:depth], len(grid), "sum")
    features, logits = unet(randn(1, 2, *grid))
    assert logits.shape == (1, 1, *grid)
    for level, feature in enumerate(features):
        assert feature.shape == (1, level + 3, *[-(-side // 2**level) for side in grid])


@pytest.mark.parametrize("stride", [2, 4])
@pytest.mark.parametrize("grid", [(20, 24), (17, 9), (8, 9, 7)])
@torch.no_grad()
def test_behind_a_strided_stem_features_come_back_to_the_full_grid(stride, grid):
    sizes = (3, 4), (0, 1), len(grid), "sum", EVERYWHERE_ALIKE, stride
    unet = ResidualUNet(2, 1, *sizes)
    features, logits = unet(randn(1, 2, *grid))
    assert logits.shape == (1, 1, *grid)
    shrunk = resolutions(2, stride)
    assert shrunk == (1, stride, 2 * stride)
    for by, width, feature in zip(shrunk, unet.feature_widths, features, strict=True):
        assert feature.shape == (1, width, *[-(-side // by) for side in grid])


@torch.no_grad()
def test_skips_are_added_or_set_beside():
    for skips, inputs in (("sum", 4), ("concat", 8)):
        unet = ResidualUNet(1, 1, (4, 6), (1, 1), 2, skips)
        *_, finest, deepest = seen = unet.encode(randn(1, 1, 8, 8))
        below = resized(unet.ups[0](deepest), finest)
        joined = below + finest if skips == "sum" else torch.cat([below, finest], dim=1)
        assert joined.shape[1] == inputs
        assert torch.equal(unet.decode(seen)[0], unet.decoder[0](joined))


def test_the_head_reads_the_finest_features():
    unet = ResidualUNet(1, 2, (4, 6), (1, 1), 2, "sum")
    features, logits = unet(randn(1, 1, 8, 8))
    assert torch.equal(unet.head(features[0]), logits)


@torch.no_grad()
def test_the_deepest_stage_sees_far():
    unet, image = ResidualUNet(1, 1, (4, 4, 4, 4), (1, 1, 1, 1), 2, "sum"), randn(1, 1, 32, 32)
    far = image.clone()
    far[..., -1, -1] += 100
    assert not torch.equal(unet(far)[1][..., 0, 0], unet(image)[1][..., 0, 0])


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("skips", ["sum", "concat"])
def test_every_weight_learns(skips, stride):
    unet = ResidualUNet(2, 1, (4, 6), (1, 1), 2, skips, EVERYWHERE_ALIKE, stride)
    (unet(randn(2, 2, 8, 8))[1] * randn(2, 1, 8, 8, seed=1)).sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in unet.parameters())


def test_a_plain_unet_has_a_head_and_nothing_to_denoise_with():
    network = UNet(widths=(4, 6), blocks=(1, 1)).build(3, 1)
    condition = network.condition(randn(1, 3, 9, 7))
    assert not network.denoises
    assert condition.logits.shape == (1, 1, 9, 7)
    assert not condition.features
    with pytest.raises(NotImplementedError, match="does not denoise"):
        network.denoise(randn(1, 1, 9, 7), torch.tensor([1]), condition)


def test_a_strided_stem_makes_a_plain_unet_cheaper():
    cost = {}
    for stride in (1, 2):
        network = UNet(stem_stride=stride).build(3, 1)
        with FlopCounterMode(display=False) as counted:
            assert network.condition(randn(1, 3, 32, 32)).logits.shape == (1, 1, 32, 32)
        cost[stride] = counted.get_total_flops()
    assert cost[2] < cost[1] / 3


def test_stages_that_do_not_match_are_refused():
    with pytest.raises(ValidationError, match="widths has 2 stages and blocks has 1"):
        UNet(widths=(4, 6), blocks=(1,))


def test_a_plain_unet_drops_features_in_training_only_and_from_its_stage_on():
    low = {"stage": 2, "dropout": 0.5}
    module = UNet(widths=(4, 6), blocks=(1, 1), low_resolution=low).build(3, 1)
    shares = [one.p for one in module.modules() if isinstance(one, nn.Dropout)]
    assert {0.0, 0.5} == set(shares)
    image = randn(1, 3, 16, 16)
    one, other = (module.train().condition(image).logits for _ in range(2))
    assert not torch.equal(one, other)
    one, other = (module.eval().condition(image).logits for _ in range(2))
    assert torch.equal(one, other)
    with pytest.raises(ValueError, match=r"low_resolution.stage is 3, .* stages 1 to 2"):
        UNet(widths=(4, 6), blocks=(1, 1), low_resolution={"stage": 3, "dropout": 0.5})
