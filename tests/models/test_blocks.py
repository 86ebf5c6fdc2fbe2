"""Blocks: time in full rank, any width, any grid, two or three dimensions."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.models.blocks import (
    AttentionBlock,
    LayerNorm,
    Modulation,
    ResidualBlock,
    Stage,
    TimeEmbedding,
    channels_last,
    convolution,
    faint,
    group_norm,
    resized,
    sinusoidal_embedding,
)

widths = st.integers(1, 130)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def rank(embedding):
    singular = torch.linalg.svdvals(embedding.double() - embedding.double().mean(0))
    return int((singular > 1e-3 * singular[0]).sum())


def test_levels_are_told_apart_in_many_directions():
    levels = torch.arange(1001)
    assert rank(sinusoidal_embedding(levels, 64)) > 20
    assert rank(TimeEmbedding(64)(levels).detach()) > 5  # 1 would be linear in t


def test_sinusoids_are_those_of_their_formula():
    found = sinusoidal_embedding(torch.tensor([3, 700]), 6)
    for row, t in zip(found.tolist(), (3, 700), strict=True):
        phases = [t * 10_000 ** (-i / 3) for i in range(3)]
        expected = [math.cos(p) for p in phases] + [math.sin(p) for p in phases]
        assert row == pytest.approx(expected, abs=1e-4)


@torch.no_grad()
def test_a_time_embedding_is_two_layers_on_sinusoids():
    embed, t = TimeEmbedding(7), torch.tensor([3, 700])
    first, last = embed.mlp[0], embed.mlp[-1]
    waves = sinusoidal_embedding(t, 6) @ first.weight.T + first.bias
    expected = (waves * waves.sigmoid()) @ last.weight.T + last.bias
    assert expected.shape == (2, 7)
    torch.testing.assert_close(embed(t), expected)


def test_no_two_levels_look_alike():
    embedding = sinusoidal_embedding(torch.arange(1001), 32)
    distance = torch.cdist(embedding, embedding) + 9 * torch.eye(1001)
    assert distance.min() > 0.1


@given(widths)
def test_group_norm_takes_any_width_with_groups_of_four_or_more(features):
    norm = group_norm(features)
    assert features % norm.num_groups == 0
    assert features // norm.num_groups >= min(4, features)


@given(st.integers(1, 130))
def test_attention_takes_any_width(features):
    block, m = AttentionBlock(features), randn(2, features, 2, 3)
    assert features % block.heads == 0
    assert block(m).shape == m.shape


@torch.no_grad()
def test_attention_is_that_of_a_naive_loop():
    block, tokens = AttentionBlock(8, head_features=4), randn(1, 5, 8)
    query, key, value = block.query_key_value(tokens)[0].split(8, dim=1)
    heads = []
    for part in (slice(0, 4), slice(4, 8)):
        affinity = (query[:, part] @ key[:, part].T / 2).softmax(dim=1)
        heads.append(affinity @ value[:, part])
    expected = block.project(torch.cat(heads, dim=1))
    torch.testing.assert_close(block.attend(tokens)[0], expected)


@torch.no_grad()
def test_attention_that_answers_nothing_changes_nothing():
    block, m = AttentionBlock(8), randn(2, 8, 3, 4)
    for layer in (block.project, block.feed[-1]):
        layer.weight.zero_()
        layer.bias.zero_()
    assert torch.equal(block(m), m)


@torch.no_grad()
def test_attention_sees_the_whole_grid_and_keeps_its_order():
    block, m = AttentionBlock(8), randn(1, 8, 3, 4)
    torch.testing.assert_close(block(m.flip(2)), block(m).flip(2))
    far = m.clone()
    far[..., 2, 3] *= -1
    assert not torch.allclose(block(far)[..., 0, 0], block(m)[..., 0, 0])


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([2, 3]), st.sampled_from([0, 6]))
def test_residual_blocks_take_any_width(inputs, outputs, space_dims, time):
    block = ResidualBlock(inputs, outputs, time, space_dims)
    embedded = randn(2, time) if time else None
    out = block(randn(2, inputs, *[5] * space_dims), embedded)
    assert out.shape == (2, outputs, *[5] * space_dims)


@pytest.mark.parametrize("outputs", [4, 6])
@torch.no_grad()
def test_a_residual_block_is_a_shortcut_and_two_convolutions_with_the_time_between(outputs):
    block, m, time = ResidualBlock(4, outputs, 5), randn(2, 4, 6, 7), randn(2, 5)
    between = block.first(m) + block.time(time)[..., None, None]
    torch.testing.assert_close(block(m, time), block.shortcut(m) + block.second(between))
    block.second[-1].weight.zero_()
    block.second[-1].bias.zero_()
    assert torch.equal(block(m, time), block.shortcut(m))
    assert (outputs != 4) or torch.equal(block(m, time), m)


LEARNING = {
    "time embedding": (lambda: TimeEmbedding(8), lambda: (torch.tensor([3, 700]),)),
    "modulation": (lambda: Modulation(4, 6), lambda: (randn(2, 4, 5, 6), randn(2, 6))),
    "layer norm": (lambda: LayerNorm(4), lambda: (randn(2, 4, 5, 6),)),
    "residual block": (
        lambda: ResidualBlock(4, 6, 5),
        lambda: (randn(2, 4, 5, 6), randn(2, 5)),
    ),
    "stage": (
        lambda: Stage(4, 8, 2, time_features=5, attends=True),
        lambda: (randn(2, 4, 5, 6), randn(2, 5)),
    ),
    "attention": (lambda: AttentionBlock(8), lambda: (randn(2, 8, 5, 6),)),
    "residual block in a volume": (
        lambda: ResidualBlock(4, 6, 0, 3),
        lambda: (randn(2, 4, 3, 5, 6),),
    ),
}


@pytest.mark.parametrize("name", LEARNING)
def test_every_weight_of_a_block_learns(name):
    build, arguments = LEARNING[name]
    block, given = build(), arguments()
    out = block(*given)
    (out * randn(*out.shape, seed=9)).sum().backward()
    for weight_name, weight in block.named_parameters():
        assert weight.grad is not None, weight_name
        assert weight.grad.abs().max() > 1e-6, weight_name


def test_time_reaches_every_block_of_a_stage():
    stage, m = Stage(3, 4, 2, time_features=6), randn(1, 3, 5, 5)
    assert not torch.allclose(stage(m, randn(1, 6)), stage(m, randn(1, 6, seed=1)))
    assert all(block.time is not None for block in stage.blocks)


@torch.no_grad()
def test_a_stage_may_end_in_attention():
    stage, m = Stage(3, 8, 1, attends=True), randn(1, 3, 4, 5)
    torch.testing.assert_close(stage(m), stage.attention(stage.blocks[0](m)))
    assert isinstance(stage.attention, AttentionBlock)


def test_a_stage_drops_features_in_training_only():
    stage, m = Stage(4, 4, 1, dropout=0.5), randn(1, 4, 5, 5)
    assert not torch.equal(stage(m), stage(m))
    assert torch.equal(stage.eval()(m), stage(m))


@torch.no_grad()
def test_modulation_scales_and_shifts_each_feature_by_the_time():
    modulate, m, time = Modulation(3, 6), randn(2, 3, 4, 5), randn(2, 6)
    scale, shift = modulate.scale_and_shift(time)[..., None, None].chunk(2, dim=1)
    torch.testing.assert_close(modulate(m, time), m * (1 + scale) + shift)
    assert (modulate(m, time) - m).abs().max() < 0.5


def test_layer_norm_normalises_the_features_of_each_position():
    normed = LayerNorm(16)(7 + 3 * randn(2, 16, 4, 5))
    torch.testing.assert_close(normed.mean(1), torch.zeros(2, 4, 5), rtol=0, atol=1e-5)
    torch.testing.assert_close(normed.var(1, correction=0), torch.ones(2, 4, 5), rtol=0, atol=1e-3)


@given(st.integers(1, 12), st.integers(1, 12))
def test_halving_rounds_up_and_resizing_returns(height, width):
    m = randn(1, 2, height, width)
    half = convolution(2, 2, 3, stride=2)(m)
    assert half.shape[2:] == (-(-height // 2), -(-width // 2))
    assert resized(half, m).shape[2:] == m.shape[2:]


def test_a_faint_layer_starts_small_but_not_at_zero():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain = convolution(2, 4, 1)
        torch.manual_seed(0)
        small = faint(convolution(2, 4, 1))
    torch.testing.assert_close(small.weight, 0.1 * plain.weight)
    assert small.weight.any()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_gradient_of_a_thin_volume_is_right_in_bfloat16(depth):
    layer, m = convolution(3, 16, 16), randn(2, 16, depth, 6, 6)

    def gradient(is_half):
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=is_half):
            layer(m).float().square().mean().backward()
        return layer.weight.grad.clone()

    exact = gradient(False)
    assert (gradient(True) - exact).abs().max() < 0.02 * exact.abs().max()


def test_a_thin_volume_keeps_the_number_format_of_the_weights():
    assert convolution(3, 4, 4).double()(randn(1, 4, 2, 6, 6).double()).dtype == torch.float64


@pytest.mark.parametrize("shape", [(2, 32, 8, 6), (2, 32, 4, 8, 6)])
def test_a_norm_is_trained_in_bfloat16_as_in_float32(shape):
    layer, sent = group_norm(32), randn(*shape, seed=1)

    def trained(kind):
        m = randn(*shape).to(kind).contiguous(memory_format=channels_last(sent)).requires_grad_()
        layer.zero_grad()
        out = layer(m)
        out.backward(sent.to(kind))
        return out, m.grad, layer.weight.grad, layer.bias.grad

    exact, found = trained(torch.float32), trained(torch.bfloat16)
    assert found[0].is_contiguous(memory_format=channels_last(sent))
    for one, other in zip(found, exact, strict=True):
        assert (one.float() - other).abs().max() < 0.02 * other.abs().max()
