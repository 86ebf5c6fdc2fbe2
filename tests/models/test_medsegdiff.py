"""The default network: one look at the image, a light denoiser, and gradients into both."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.utils.flop_counter import FlopCounterMode

from medsegdiff.models.blocks import AttentionBlock
from medsegdiff.models.ff_parser import FFParser
from medsegdiff.models.medsegdiff import MedSegDiff

T = torch.tensor([5])
SMALL = {"widths": (4, 6, 8, 10), "blocks": (0, 1, 1, 1), "denoiser_widths": (6, 8)}

COARSE = {"stage": 3, "transformer": True, "dropout": 0.1}


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def network(image_channels=3, mask_channels=1, space_dims=2, **chosen):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = MedSegDiff(**{**SMALL, **chosen}).build(image_channels, mask_channels, space_dims)
    return built.eval()


@settings(max_examples=15)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=2), st.integers(1, 4), st.integers(1, 3))
@torch.no_grad()
def test_any_grid_and_any_channels(grid, image_channels, mask_channels):
    module = network(image_channels, mask_channels)
    condition = module.condition(randn(1, image_channels, *grid))
    out = module.denoise(randn(2, mask_channels, *grid), torch.tensor([1, 900]), condition)
    assert out.shape == (2, mask_channels, *grid)
    assert out.isfinite().all()


@settings(max_examples=15)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=3), st.sampled_from([2, 4]))
@torch.no_grad()
def test_any_grid_behind_a_strided_stem(grid, stride):
    module = network(space_dims=len(grid), stem_stride=stride)
    condition = module.condition(randn(1, 3, *grid))
    out = module.denoise(randn(2, 1, *grid), torch.tensor([1, 900]), condition)
    assert condition.logits.shape == (1, 1, *grid)
    assert out.shape == (2, 1, *grid)


@settings(max_examples=10)
@given(st.lists(st.integers(1, 40), min_size=3, max_size=3), st.integers(1, 80))
@torch.no_grad()
def test_any_width(widths, inner):
    module = network(widths=widths, blocks=(1, 0, 2), denoiser_widths=(inner,))
    out = module.denoise(randn(1, 1, 9, 8), torch.tensor([9]), module.condition(randn(1, 3, 9, 8)))
    assert out.shape == (1, 1, 9, 8)


@pytest.mark.parametrize("detail", ["blended", "patches", "convolution"])
@pytest.mark.parametrize("ff_parser", [True, False])
@pytest.mark.parametrize("fusion", ["residual", "paper", "none"])
@pytest.mark.parametrize("space_dims", [2, 3])
def test_every_weight_learns_from_the_two_losses_at_once(fusion, ff_parser, space_dims, detail):
    chosen = {"fusion": fusion, "ff_parser": ff_parser, "low_resolution": COARSE, "detail": detail}
    chosen["stem_stride"] = 2 if fusion == "none" else 1
    module, grid = network(space_dims=space_dims, **chosen), [12] * space_dims
    condition = module.condition(randn(2, 3, *grid))
    out = module.denoise(randn(2, 1, *grid, seed=1), torch.tensor([7, 600]), condition)
    (out.square().mean() + condition.logits.square().mean()).backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in module.parameters())


def test_the_denoising_loss_trains_the_condition_network_but_not_its_head():
    module = network()
    condition = module.condition(randn(1, 3, 12, 12))
    module.denoise(randn(1, 1, 12, 12), torch.tensor([600]), condition).square().mean().backward()
    assert module.image_unet.stem.weight.grad.any()
    assert all(weight.grad is None for weight in module.image_unet.head.parameters())


@torch.no_grad()
def test_a_fresh_network_stays_close_to_its_head():
    module = network()
    condition = module.condition(randn(1, 3, 16, 16))
    out = module.denoise(randn(1, 1, 16, 16), torch.tensor([600]), condition)
    assert (out - condition.logits).abs().max() < 0.5


@torch.no_grad()
def test_a_step_costs_a_fraction_of_the_look_at_the_image():
    module, image, x_t, t = MedSegDiff().build(3, 1), randn(1, 3, 32, 32), randn(1, 1, 32, 32), T
    with FlopCounterMode(display=False) as looking:
        condition = module.condition(image)
    with FlopCounterMode(display=False) as denoising:
        module.denoise(x_t, t, condition)
    assert denoising.get_total_flops() < looking.get_total_flops() / 3


@torch.no_grad()
def test_twenty_five_members_in_three_steps_cost_less_than_45_gflop():
    with torch.device("meta"):
        module = MedSegDiff().build(3, 1)
        image, x_t, t = torch.empty(1, 3, 256, 256), torch.empty(25, 1, 256, 256), T.expand(25)
    with FlopCounterMode(display=False) as counted:
        condition = module.condition(image)
        for _ in range(3):
            module.denoise(x_t, t.to("meta"), condition)
    assert counted.get_total_flops() < 45e9


def test_shares_are_blended_where_patches_are_large():
    assert [MedSegDiff().detail_in(dims) for dims in (2, 3)] == ["blended", "patches"]
    assert MedSegDiff(detail="convolution").detail_in(2) == "convolution"


def test_skips_are_added_in_pictures():
    assert [MedSegDiff().skips_in(dims) for dims in (2, 3)] == ["sum", "concat"]
    first = MedSegDiff(skips="concat").build(3, 1).image_unet.decoder[0].blocks[0].first[2]
    assert first.weight.shape[1] == 2 * MedSegDiff().widths[0]


def test_patches_are_as_large_as_the_resolutions_allow():
    assert [MedSegDiff().patch_in(dims) for dims in (2, 3)] == [8, 4]
    assert MedSegDiff(**SMALL).patch_in(2) == 4
    assert MedSegDiff(**SMALL, patch=2).patch_in(2) == 2
    assert [MedSegDiff(**SMALL, stem_stride=stride).patch_in(2) for stride in (2, 4)] == [8, 8]
    assert MedSegDiff(**SMALL, stem_stride=4).patch_in(3) == 4


@pytest.mark.parametrize(("patch", "grid"), [(2, 8), (4, 4), (8, 2)])
@torch.no_grad()
def test_the_denoiser_meets_features_of_its_own_grid_behind_a_strided_stem(patch, grid):
    module = network(stem_stride=2, patch=patch, denoiser_widths=(6,))
    _, coarse = module.condition(randn(1, 3, 16, 16)).features
    assert coarse.shape == (1, 6, grid, grid)


def test_a_patch_finer_than_what_the_stem_leaves_is_refused():
    with pytest.raises(ValidationError, match="patch is 2, but behind a stem_stride of 4 the"):
        MedSegDiff(**SMALL, patch=2, stem_stride=4)


def test_filters_are_a_small_share_of_the_weights():
    module = MedSegDiff().build(3, 1)
    filters = sum(part.filter.numel() for part in module.modules() if isinstance(part, FFParser))
    assert 0 < filters < 0.05 * sum(weight.numel() for weight in module.parameters())


def test_every_denoiser_stage_meets_the_image_through_its_own_filter():
    module = MedSegDiff().build(3, 1)
    assert [part.filter.shape[0] for part in module.modules() if isinstance(part, FFParser)] == [
        48,
        96,
    ]


@pytest.mark.parametrize("fusion", ["residual", "paper", "none"])
@torch.no_grad()
def test_without_filters_it_is_as_with_fresh_ones(fusion):
    fresh, without = network(fusion=fusion), network(fusion=fusion, ff_parser=False)
    without.load_state_dict(
        {key: value for key, value in fresh.state_dict().items() if not key.endswith(".filter")}
    )
    given = randn(1, 1, 13, 16), torch.tensor([500]), fresh.condition(randn(1, 3, 13, 16))
    torch.testing.assert_close(without.denoise(*given), fresh.denoise(*given), rtol=0, atol=1e-5)


def test_extras_of_the_coarse_stages_lie_in_the_condition_network():
    unet = network(low_resolution=COARSE).image_unet
    attends = [isinstance(stage.attention, AttentionBlock) for stage in unet.encoder]
    assert attends == [False, False, True, False]
    drops = [stage.blocks[0].second[2].p for stage in unet.decoder]
    assert drops == [0, 0, 0.1]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"blocks": (1, 1)}, "widths has 4 stages and blocks has 2"),
        ({"denoiser_widths": (6, 8, 8, 8)}, "denoiser_widths has 4 stages"),
        ({"patch": 8}, "has features for 1 of them"),
        ({"low_resolution": {"stage": 5, "transformer": True}}, "network has stages 1 to 4"),
    ],
)
def test_stages_that_do_not_match_are_refused(chosen, message):
    with pytest.raises(ValidationError, match=message):
        MedSegDiff(**{**SMALL, **chosen})
