"""Conditioning by a sum: features of the image, made once, plus those of the noisy mask."""

from __future__ import annotations

import torch

from medsegdiff.models.sum import Sum

T = torch.tensor([7, 600])


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_it_is_one_unet_on_the_sum_of_two_stems():
    module, x_t = Sum(size="tiny").build(3, 2).eval(), randn(2, 2, 9, 8)
    condition = module.condition(randn(1, 3, 9, 8, seed=1))
    assert condition.logits is None
    joined = module.image_stem(randn(1, 3, 9, 8, seed=1)) + module.mask_stem(x_t)
    torch.testing.assert_close(
        module.denoise(x_t, T, condition), module.unet(joined, module.time(T))
    )


@torch.no_grad()
def test_the_image_is_more_than_further_channels():
    module, image = Sum(size="tiny").build(3, 1).eval(), randn(1, 3, 9, 8)
    one, twice = (module.condition(k * image).features[0] for k in (1, 2))
    zero = module.condition(0 * image).features[0]
    assert not torch.allclose(twice - zero, 2 * (one - zero), atol=1e-2)
    assert len(module.image_stem[1].blocks) == 4
