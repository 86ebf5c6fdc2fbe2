"""MedSegDiff V1: what meets what, and where, as in figure 1 and equations 2 to 6."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from medsegdiff.models.blocks import AttentionBlock
from medsegdiff.models.ff_parser import FFParser
from medsegdiff.models.medsegdiff_v1 import SIZES, MedSegDiffV1

T = torch.tensor([7, 600])


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def network(**settings):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MedSegDiffV1(**{"size": "small", **settings}).build(3, 1).eval()


@torch.no_grad()
def recorded(module, grid=(20, 24)):
    """Inputs and output of every part, by name, for one forward pass."""
    calls = {}
    for name, part in module.named_modules():
        part.register_forward_hook(
            lambda _, given, out, name=name: calls.__setitem__(name, (given, out))
        )
    module.denoise(randn(2, 1, *grid), T, module.condition(randn(2, 3, *grid, seed=1)))
    return calls


def test_parsed_mask_features_enter_the_fusion_at_the_middle_two_stages():
    calls = recorded(network())
    assert {name for name in calls if name.endswith("parser")} == {
        "fusions.2.parser",
        "fusions.3.parser",
    }
    for k in (2, 3):
        (m_mask,), parsed = calls[f"fusions.{k}.parser"]
        assert torch.equal(m_mask, calls[f"mask_encoder.stages.{k - 1}"][1])
        assert torch.equal(parsed, calls[f"fusions.{k}.norm_mask"][0][0])


def test_image_features_enter_the_fusion_and_its_result_goes_on():
    calls = recorded(network())
    for k in (2, 3):
        (m_image, _), fused = calls[f"fusions.{k}"]
        assert torch.equal(m_image, calls[f"image_encoder.stages.{k - 1}"][1])
        assert torch.equal(fused, calls[f"image_encoder.downs.{k - 1}"][0][0])


def test_both_deepest_embeddings_are_added():
    calls = recorded(network())
    embedded = calls["image_encoder.stages.4"][1] + calls["mask_encoder.stages.4"][1]
    assert torch.equal(calls["deepest"][0][0], embedded)


def test_the_decoder_is_given_both_encoders_features_at_each_resolution():
    calls = recorded(network())
    skips = calls["decoder"][0][1]
    for k, skip in enumerate(skips):
        of_image = calls.get(f"fusions.{k + 1}", calls[f"image_encoder.stages.{k}"])[1]
        assert torch.equal(skip, of_image + calls[f"mask_encoder.stages.{k}"][1])
    assert len(skips) == 4


def test_time_enters_every_residual_block():
    calls = recorded(network())
    given = [parts[0] for name, parts in calls.items() if name.endswith((".before", ".after"))]
    given += [
        parts[0] for name, parts in calls.items() if ".blocks." in name and name[-1].isdigit()
    ]
    blocks = [arguments for arguments in given if len(arguments) == 2]
    assert len(blocks) == 5 + 5 + 4 + 2
    assert all(torch.equal(arguments[1], calls["time"][1]) for arguments in blocks)


def test_a_filter_of_zeros_keeps_the_mask_from_the_image_encoder():
    module = network()
    with torch.no_grad():
        for fusion in module.fusions.values():
            fusion.parser.filter.zero_()
    assert not recorded(module)["fusions.3"][1].any()  # LN(0) is 0, and so is equation 3


@pytest.mark.parametrize(
    ("size", "downs", "middle"),
    [("S", 4, (2, 3)), ("B", 5, (3, 4)), ("L", 6, (3, 4)), ("++", 6, (3, 4))],
)
def test_presets_have_the_down_samplings_of_the_paper(size, downs, middle):
    with torch.device("meta"):
        module = MedSegDiffV1(size=size).build(3, 1)
    for encoder in (module.image_encoder, module.mask_encoder):
        assert [down.stride for down in encoder.downs] == [(2, 2)] * downs
    assert len(module.decoder.ups) == downs
    assert set(module.fusions) == {str(stage) for stage in middle}


def test_the_deepest_embedding_lies_on_the_grid_that_the_down_samplings_leave():
    assert recorded(network(), grid=(32, 48))["deepest"][1].shape == (2, 128, 2, 3)


def test_presets_grow():
    with torch.device("meta"):
        built = [MedSegDiffV1(size=size).build(3, 1) for size in SIZES]
    counts = [sum(weight.numel() for weight in module.parameters()) for module in built]
    assert counts == sorted(counts)
    assert counts[1] < 5e6  # for processors


@pytest.mark.parametrize("size", list(SIZES))
def test_filters_are_a_small_share_of_the_weights(size):
    with torch.device("meta"):
        module = MedSegDiffV1(size=size).build(3, 1)
    filters = sum(part.filter.numel() for part in module.modules() if isinstance(part, FFParser))
    limit = 0.2 if size == "tiny" else 0.02
    assert 0 < filters < limit * sum(weight.numel() for weight in module.parameters())


@pytest.mark.parametrize("stages", [(1,), (5,), (1, 2, 3, 4, 5)])
def test_other_stages_can_be_fused(stages):
    module = network(fused_stages=stages, fusion="residual")
    assert set(module.fusions) == {str(stage) for stage in stages}
    assert recorded(module)["decoder"][1].isfinite().all()


@pytest.mark.parametrize("stages", [(0,), (6,), (2, 9)])
def test_stages_that_do_not_exist_are_refused(stages):
    with pytest.raises(ValidationError, match="has stages 1 to 5"):
        MedSegDiffV1(size="small", fused_stages=stages)


@torch.no_grad()
def test_without_dynamic_encoding_image_and_mask_are_added():
    calls = recorded(network(fusion="none", ff_parser=False))
    for k in (2, 3):
        m_image, m_mask = (calls[f"{one}_encoder.stages.{k - 1}"][1] for one in ("image", "mask"))
        assert torch.equal(calls[f"image_encoder.downs.{k - 1}"][0][0], m_image + m_mask)


@pytest.mark.parametrize("fusion", ["paper", "residual", "none"])
@torch.no_grad()
def test_without_filters_it_is_as_with_fresh_ones(fusion):
    fresh, without = network(fusion=fusion), network(fusion=fusion, ff_parser=False)
    weights = {k: v for k, v in fresh.state_dict().items() if not k.endswith(".filter")}
    without.load_state_dict(weights)
    given = randn(2, 1, 20, 24), T, fresh.condition(randn(1, 3, 20, 24))
    torch.testing.assert_close(without.denoise(*given), fresh.denoise(*given), rtol=0, atol=1e-4)


def test_the_three_rows_of_the_papers_ablation_are_settings():
    rows = [("none", False), ("paper", False), ("paper", True)]
    parts = [set(dict(network(fusion=f, ff_parser=p).named_parameters())) for f, p in rows]
    assert all("norm" in name for name in parts[1] - parts[0])
    assert parts[2] - parts[1] == {"fusions.2.parser.filter", "fusions.3.parser.filter"}
    assert parts[0] < parts[1] < parts[2]


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("grid", [(20, 24), (17, 9), (8, 9, 7)])
@torch.no_grad()
def test_a_strided_stem_shrinks_the_grid_and_the_output_has_it_back(stride, grid):
    with torch.random.fork_rng():
        module = MedSegDiffV1(size="tiny", stem_stride=stride).build(3, 2, len(grid)).eval()
    condition = module.condition(randn(1, 3, *grid))
    assert condition.features[0].shape[2:] == tuple(-(-side // stride) for side in grid)
    assert module.denoise(randn(2, 2, *grid), T, condition).shape == (2, 2, *grid)


def test_every_voxel_enters_a_strided_stem():
    module, image = network(stem_stride=4), torch.ones(1, 3, 16, 16, requires_grad=True)
    module.condition(image).features[0].sum().backward()
    assert image.grad.abs().sum(1).gt(0).all()


@pytest.mark.parametrize("fusion", ["paper", "none"])
def test_every_weight_learns_with_all_extras(fusion):
    low = {"stage": 3, "transformer": True, "dropout": 0.1}
    module = network(fusion=fusion, ff_parser=False, stem_stride=2, low_resolution=low).train()
    out = module.denoise(randn(2, 1, 96, 64), T, module.condition(randn(2, 3, 96, 64, seed=1)))
    (out - randn(2, 1, 96, 64, seed=2)).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in module.parameters())


def test_extras_begin_at_the_coarse_stage():
    module = network(low_resolution={"stage": 4, "transformer": True, "dropout": 0.2})
    for stages in (module.image_encoder.stages, module.mask_encoder.stages):
        assert [isinstance(s.attention, AttentionBlock) for s in stages] == [0, 0, 0, 1, 0]
        assert [s.blocks[0].second[2].p for s in stages] == [0, 0, 0, 0.2, 0.2]
    assert [s.blocks[0].second[2].p for s in module.decoder.stages] == [0, 0, 0, 0.2]
    assert module.deepest.before.second[2].p == 0.2


def test_a_coarse_stage_that_does_not_exist_is_refused():
    with pytest.raises(ValidationError, match=r"low_resolution.stage is 4, .* stages 1 to 3"):
        MedSegDiffV1(size="tiny", low_resolution={"dropout": 0.1})
