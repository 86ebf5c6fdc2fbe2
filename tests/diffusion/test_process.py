"""The forward process: noise in the right amount, and labels as signal and back."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.diffusion import Process, ProcessSettings
from medsegdiff.errors import ConfigError
from medsegdiff.types import IGNORED, MaskCoding

SIZE = (6, 5)
scales = st.floats(0.01, 1)
channels = st.sampled_from([1, 2, 3, 5])


def process(scale=0.2, size=SIZE, levels=1000, channels=1):
    coding = MaskCoding.of_channels(channels)
    return Process(ProcessSettings(signal_scale=scale, levels=levels), size, coding)


def labels(classes, seed, size=SIZE):
    return torch.randint(0, max(2, classes), (2, *size), generator=generator(seed))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@given(scales, channels, st.integers(0, 99))
def test_labels_come_back_from_their_signal(scale, count, seed):
    truth = labels(count, seed)
    p = process(scale, channels=count)
    probability = p.probability(p.signal(truth))
    found = (probability[:, 0] >= 0.5).long() if count == 1 else probability.argmax(1)
    assert torch.equal(found, truth)


@given(scales, st.integers(0, 99))
def test_probability_to_signal_and_back(scale, seed):
    given_probability = torch.rand(2, 1, *SIZE, generator=generator(seed))
    back = process(scale).probability(process(scale).from_probability(given_probability))
    torch.testing.assert_close(back, given_probability, rtol=0, atol=1e-6)


@given(scales, channels, st.integers(0, 99), st.floats(0.01, 3))
def test_any_signal_is_a_probability(scale, count, seed, width):
    x_0 = scale * width * torch.randn(2, count, *SIZE, generator=generator(seed))
    probability = process(scale, channels=count).probability(x_0)
    assert ((probability >= 0) & (probability <= 1)).all()
    if count > 1:
        torch.testing.assert_close(probability.sum(1), torch.ones(2, *SIZE))


def test_a_voxel_of_no_class_is_of_each_class_alike():
    probability = process(channels=4).probability(torch.full((1, 4, *SIZE), -0.2))
    assert torch.equal(probability, torch.full((1, 4, *SIZE), 0.25))


@given(scales)
def test_a_signal_lies_at_both_bounds(scale):
    signal = process(scale).signal(torch.eye(5).long()[None])
    torch.testing.assert_close(signal.unique(), torch.tensor([-scale, scale]))


def test_volumes_have_signals_too():
    truth = labels(3, 0, (3, 4, 5))
    signal = process(size=(3, 4, 5), channels=3).signal(truth)
    assert signal.shape == (2, 3, 3, 4, 5)
    assert torch.equal(signal.argmax(1), truth)


def test_noise_has_the_share_that_the_schedule_says():
    p, t = process(), torch.tensor([0, 500, 1000])
    x_0 = torch.full((3, 1, 100, 100), 0.2)
    x_t = p.diffuse(x_0, t, torch.randn(x_0.shape, generator=generator()))
    assert torch.equal(x_t[0], x_0[0])
    for row, level in zip(x_t, t.tolist(), strict=True):
        share = p.alpha_bar[level].item()
        assert row.mean().item() == pytest.approx(0.2 * share**0.5, abs=0.04)
        assert row.var().item() == pytest.approx(1 - share, abs=0.06)


@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_the_network_sees_unit_variance(scale):
    p, t = process(scale), torch.tensor([1, 300, 600, 1000])
    x_0 = p.signal(torch.arange(100).remainder(2).expand(4, 100, 100))
    x_t = p.diffuse(x_0, t, torch.randn(x_0.shape, generator=generator()))
    power = (x_t * p.input_scale(t, x_t)).square().flatten(1).mean(1)
    torch.testing.assert_close(power, torch.ones(4), rtol=0, atol=0.06)


def test_snr_counts_the_signal_scale():
    t, like = torch.tensor([10, 700]), torch.zeros(2, 1, *SIZE)
    ratio = process(0.1).snr(t, like) / process(1.0).snr(t, like)
    torch.testing.assert_close(ratio, torch.full_like(ratio, 0.01))


@given(st.integers(1, 300), st.integers(1, 300))
def test_fewer_steps_visit_fewer_of_the_trained_levels(levels, steps):
    steps = min(steps, levels)
    visited = process(levels=levels).levels(steps)
    assert visited[0] == levels
    assert visited[-1] == 0
    assert len(visited) == steps + 1
    assert set((-visited.diff()).tolist()) <= {levels // steps, -(-levels // steps)}


def test_the_schedule_does_not_depend_on_the_steps():
    p = process()
    before = p.alpha_bar.clone()
    torch.testing.assert_close(p.alpha_bar[p.levels(4)], before[[1000, 750, 500, 250, 0]])


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_steps_are_refused_with_the_way_out(steps):
    with pytest.raises(ConfigError, match="Choose 1 to 1000 steps"):
        process().levels(steps)


def test_regions_do_not_sum_to_one():
    coding = MaskCoding(4, regions=((1, 2, 3), (2,)), painted=(1, 2))
    p = Process(ProcessSettings(), SIZE, coding)
    probability = p.probability(p.signal(labels(4, 0)))
    torch.testing.assert_close(probability, coding.encode(labels(4, 0)))
    assert (probability.sum(dim=1) == 2).any()


@pytest.mark.parametrize("count", [1, 3])
def test_ignored_voxels_are_background_to_the_diffusion(count):
    p, truth = process(channels=count), labels(count, 0)
    known = truth.clone()
    truth[:, 2:], known[:, 2:] = IGNORED, 0
    assert torch.equal(p.signal(truth), p.signal(known))
