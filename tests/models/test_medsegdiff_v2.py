"""MedSegDiff-V2: which features meet where, what is made once, and every switch."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medsegdiff.models.anchor import anchored
from medsegdiff.models.medsegdiff_v2 import MedSegDiffV2
from medsegdiff.models.nbp_filter import NBPFilter

T = torch.tensor([7, 600])
SWITCHES = ("anchor", "ss_former", "nbp_filter")


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def network(image_channels=3, mask_channels=1, space_dims=2, **chosen):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        settings = MedSegDiffV2(**{"size": "tiny", "ss_blocks": 2, **chosen})
        return settings.build(image_channels, mask_channels, space_dims).eval()


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


@settings(max_examples=15)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=3), st.integers(1, 4), st.integers(1, 3))
@torch.no_grad()
def test_any_grid_and_any_channels(grid, image_channels, mask_channels):
    grid = [min(side, 9) for side in grid] if len(grid) == 3 else grid
    module = network(image_channels, mask_channels, len(grid))
    condition = module.condition(randn(1, image_channels, *grid))
    out = module.denoise(randn(2, mask_channels, *grid), T, condition)
    assert out.shape == (2, mask_channels, *grid)
    assert condition.logits.shape == (1, mask_channels, *grid)
    assert out.isfinite().all()


def test_decoder_features_of_the_image_gate_the_two_finest_encoder_stages():
    calls = recorded(network())
    features, logits = calls["image_unet"][1]
    assert logits.shape == (2, 1, 20, 24)
    for k in (0, 1):
        (f_c,), gate = calls[f"anchors.{k}"]
        assert torch.equal(f_c, features[k])
        f_d = anchored(calls[f"encoder.stages.{k}"][1], gate)
        assert torch.equal(calls[f"encoder.downs.{k}"][0][0], f_d)
    assert "anchors.2" not in calls


def test_the_deepest_embeddings_of_both_meet_in_the_ss_former():
    calls = recorded(network())
    (c_0, e, time), out = calls["semantic"]
    assert torch.equal(c_0, calls["image_unet"][1][0][-1])
    assert torch.equal(e, calls["encoder.stages.2"][1])
    assert torch.equal(time, calls["time"][1])
    assert torch.equal(out, calls["decoder"][0][0])


@torch.no_grad()
def test_all_that_depends_on_the_image_alone_is_made_once():
    module = network()
    condition = module.condition(randn(1, 3, 20, 24))
    assert [m.shape[1] for m in condition.features] == [1, 1, 16]
    calls = []
    for part in (module.image_unet, *module.anchors):
        part.register_forward_hook(lambda *given: calls.append(given))
    shared = module.denoise(randn(3, 1, 20, 24), torch.tensor([5, 5, 700]), condition)
    own = module.denoise(randn(3, 1, 20, 24)[1:2], torch.tensor([5]), condition)
    torch.testing.assert_close(shared[1:2], own, rtol=1e-5, atol=1e-5)
    assert not calls


@pytest.mark.parametrize("space_dims", [2, 3])
@pytest.mark.parametrize("chosen", list(product([True, False], repeat=3)))
def test_every_weight_learns_from_the_two_losses_at_once(chosen, space_dims):
    module = network(space_dims=space_dims, **dict(zip(SWITCHES, chosen, strict=True)))
    grid = [12] * space_dims
    condition = module.condition(randn(2, 3, *grid))
    out = module.denoise(randn(2, 1, *grid, seed=1), T, condition)
    (out.square().mean() + condition.logits.square().mean()).backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in module.parameters())


@pytest.mark.parametrize("chosen", list(product([True, False], repeat=3)))
@torch.no_grad()
def test_the_image_matters_whatever_is_switched_off(chosen):
    module = network(**dict(zip(SWITCHES, chosen, strict=True)))
    x_t = randn(2, 1, 12, 16, seed=1)
    one, other = (
        module.denoise(x_t, T, module.condition(randn(1, 3, 12, 16, seed=s))) for s in (2, 3)
    )
    assert not torch.allclose(one, other, atol=1e-4)


def test_without_the_ss_former_the_embeddings_are_added():
    calls = recorded(network(ss_former=False))
    embedded = calls["image_unet"][1][0][-1] + calls["encoder.stages.2"][1]
    assert torch.equal(calls["decoder"][0][0], embedded)


def test_each_switch_takes_its_own_parts_away():
    names = {"anchor": "anchors.", "ss_former": "semantic.", "nbp_filter": ".band."}
    whole = set(network().state_dict())
    for switch, name in names.items():
        gone = whole - set(network(**{switch: False}).state_dict())
        assert gone == {key for key in whole if name in key}
        assert gone


@torch.no_grad()
def test_filters_that_let_all_pass_are_no_filters():
    filtered, plain = network(), network(nbp_filter=False)
    plain.load_state_dict({k: v for k, v in filtered.state_dict().items() if ".band." not in k})
    for part in filtered.modules():
        if isinstance(part, NBPFilter):
            part.out.weight.zero_()
            part.out.bias.fill_(50)
    given = randn(2, 1, 20, 24), T, filtered.condition(randn(1, 3, 20, 24))
    torch.testing.assert_close(filtered.denoise(*given), plain.denoise(*given), rtol=0, atol=1e-4)


def test_presets_grow_and_small_is_for_processors():
    with torch.device("meta"):
        built = [MedSegDiffV2(size=size).build(3, 1) for size in ("tiny", "small", "base")]
    counts = [sum(weight.numel() for weight in module.parameters()) for module in built]
    assert counts == sorted(counts)
    assert 4e6 < counts[1] < 5e6
    assert [len(module.semantic.blocks) for module in built] == [4, 4, 4]
