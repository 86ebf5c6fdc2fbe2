"""Conditioning by concatenation: the image goes in with the noisy mask, at a cost like V1's."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from medsegdiff.models.concat import Concat
from medsegdiff.models.medsegdiff_v1 import MedSegDiffV1
from medsegdiff.models.sum import Sum

T = torch.tensor([7, 600])


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def gflop(settings):
    """Cost of one step at 64 by 64."""
    with torch.device("meta"):
        module = settings.build(3, 1)
        image, x_t = torch.empty(1, 3, 64, 64), torch.empty(1, 1, 64, 64)
    condition, t = module.condition(image), torch.ones(1, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counted:
        module.denoise(x_t, t, condition)
    return counted.get_total_flops() / 1e9


@torch.no_grad()
def test_it_is_one_unet_on_the_channels_of_both():
    module, image, x_t = (
        Concat(size="tiny").build(3, 2).eval(),
        randn(1, 3, 9, 8),
        randn(2, 2, 9, 8),
    )
    condition = module.condition(image)
    assert torch.equal(condition.features[0], image)
    assert condition.logits is None
    both = module.stem(torch.cat([image.expand(2, -1, -1, -1), x_t], dim=1))
    torch.testing.assert_close(module.denoise(x_t, T, condition), module.unet(both, module.time(T)))


@pytest.mark.parametrize("size", ["small", "S"])
@pytest.mark.parametrize("arm", [Concat, Sum])
def test_a_preset_costs_about_as_much_as_that_of_v1(arm, size):
    assert 0.7 < gflop(arm(size=size)) / gflop(MedSegDiffV1(size=size)) < 1.3
