"""Dynamic conditional encoding: equation 3 to the letter, or with a gated identity path."""

from __future__ import annotations

import math

import pytest
import torch

from medsegdiff.models.fusion import FIRST_GATE, Addition, DynamicFusion, fusion_of


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def moved(kind, space_dims=2):
    """A fusion all of whose weights have left their first values."""
    module = fusion_of(kind, 4, space_dims)
    with torch.no_grad():
        for seed, weight in enumerate(module.parameters()):
            weight.add_(0.3 * randn(*weight.shape, seed=seed))
    return module


def naive_norm(m, norm):
    """Layer norm over the features, position by position."""
    out = torch.empty_like(m)
    for b, y, x in torch.cartesian_prod(*(torch.arange(m.shape[i]) for i in (0, 2, 3))).tolist():
        values = m[b, :, y, x].tolist()
        mean = sum(values) / len(values)
        deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / len(values) + norm.eps)
        for f, value in enumerate(values):
            scaled = (value - mean) / deviation
            out[b, f, y, x] = scaled * norm.weight[f].item() + norm.bias[f].item()
    return out


@torch.no_grad()
def test_paper_is_equation_3_of_the_parsed_mask():
    fusion, image, mask = moved("paper"), randn(2, 4, 3, 5), randn(2, 4, 3, 5, seed=1)
    affinity = naive_norm(image, fusion.norm_image.norm) * naive_norm(
        fusion.parser(mask), fusion.norm_mask.norm
    )
    torch.testing.assert_close(fusion(image, mask), affinity * image, rtol=1e-4, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("space_dims", [2, 3])
def test_residual_adds_equation_3_to_the_image(space_dims):
    residual, paper = moved("residual", space_dims), DynamicFusion(4, "paper", space_dims)
    paper.load_state_dict({k: v for k, v in residual.state_dict().items() if k != "gate"})
    image, mask = randn(2, 4, *[5] * space_dims), randn(2, 4, *[5] * space_dims, seed=1)
    expected = image + residual.gate * paper(image, mask)
    torch.testing.assert_close(residual(image, mask), expected)


def test_the_gate_starts_small_and_above_zero():
    gate = DynamicFusion(4, "residual").gate
    assert gate is not None
    assert (gate == FIRST_GATE).all()
    assert 0 < FIRST_GATE < 0.5


@torch.no_grad()
def test_a_shared_image_serves_every_mask():
    fusion, image, masks = moved("paper"), randn(1, 4, 6, 5), randn(3, 4, 6, 5, seed=1)
    torch.testing.assert_close(fusion(image, masks), fusion(image.expand(3, -1, -1, -1), masks))


@torch.no_grad()
@pytest.mark.parametrize("ff_parser", [True, False])
def test_none_is_the_sum_of_image_and_mask(ff_parser):
    fusion, image, mask = fusion_of("none", 4, 2, ff_parser), randn(1, 4, 6, 5), randn(3, 4, 6, 5)
    torch.testing.assert_close(fusion(image, mask), image + mask, rtol=0, atol=2e-6)
    assert len(list(fusion.parameters())) == ff_parser


@torch.no_grad()
def test_none_adds_the_mask_as_it_is_parsed():
    fusion, image, mask = moved("none"), randn(2, 4, 6, 5), randn(2, 4, 6, 5, seed=1)
    assert torch.equal(fusion(image, mask), image + fusion.parser(mask))
    assert not torch.allclose(fusion(image, mask), image + mask, atol=0.1)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["paper", "residual"])
def test_without_a_parser_it_is_as_with_a_fresh_one(kind):
    fresh, without = fusion_of(kind, 4), fusion_of(kind, 4, ff_parser=False)
    assert set(fresh.state_dict()) - set(without.state_dict()) == {"parser.filter"}
    image, mask = randn(2, 4, 6, 5), randn(2, 4, 6, 5, seed=1)
    torch.testing.assert_close(without(image, mask), fresh(image, mask), rtol=1e-5, atol=1e-5)


def test_a_gate_of_zero_changes_nothing():
    fusion, image = DynamicFusion(4, "residual"), randn(2, 4, 6, 5)
    torch.nn.init.zeros_(fusion.gate)
    assert torch.equal(fusion(image, randn(2, 4, 6, 5, seed=1)), image)


def test_each_kind_has_its_module():
    assert isinstance(fusion_of("none", 4), Addition)
    assert fusion_of("paper", 4).gate is None
    assert fusion_of("residual", 4).gate is not None


@pytest.mark.parametrize("kind", ["paper", "residual", "none"])
def test_every_weight_learns_from_the_first_step(kind):
    fusion = fusion_of(kind, 4)
    (
        fusion(randn(2, 4, 6, 5), randn(2, 4, 6, 5, seed=1)) * randn(2, 4, 6, 5, seed=2)
    ).sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in fusion.parameters())
