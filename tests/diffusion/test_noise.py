"""The noise: fixed bit by bit, standard normal, and the same whoever asks for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.diffusion import Noise
from medsegdiff.diffusion.noise import normal_quantiles, standard_normal

SHAPE = (2, 8, 6)
KEY = np.array([3, 5], dtype=np.uint64)


def noise(members=(0, 1), seed=7, digest=b"study", shape=SHAPE):
    return Noise(digest, members, seed, shape)


def test_no_bit_has_moved(golden):
    source = noise()
    golden("noise", atol=0, first=source(), second=source(), far=noise([2**40], seed=-1)())


def test_it_is_standard_normal():
    values = noise([0], shape=(1, 1000, 1000))().double()
    assert values.mean().item() == pytest.approx(0, abs=4e-3)  # four standard errors, as below
    assert values.var().item() == pytest.approx(1, abs=6e-3)
    assert values.pow(3).mean().item() == pytest.approx(0, abs=0.016)
    assert values.pow(4).mean().item() == pytest.approx(3, abs=0.04)


def test_the_quantiles_are_those_of_the_standard_normal():
    quantiles = normal_quantiles().astype(np.float64)
    expected = torch.special.ndtri((torch.arange(65536, dtype=torch.float64) + 0.5) / 65536)
    np.testing.assert_allclose(quantiles, expected.numpy(), rtol=0, atol=2e-6)
    assert (np.diff(quantiles) > 0).all()
    assert (quantiles == -quantiles[::-1]).all()


@pytest.mark.parametrize("axis", [1, 2])
def test_neighbours_are_not_correlated(axis):
    field = noise([0], shape=(1, 500, 500))()[0]
    size = field.shape[axis] - 1
    one, other = field.narrow(axis, 0, size), field.narrow(axis, 1, size)
    assert (one * other).mean().abs() < 4 / 500


def test_members_channels_steps_seeds_and_studies_are_independent():
    source, shape = noise([0, 1], shape=(2, 100, 100)), (2, 100, 100)
    fields = [*source().flatten(0, 1), *source().flatten(0, 1)]
    fields += [*noise([0], seed=8, shape=shape)()[0], *noise([0], digest=b"x", shape=shape)()[0]]
    correlation = torch.corrcoef(torch.stack(fields).flatten(1))
    assert (correlation - torch.eye(len(fields))).abs().max() < 0.05  # five standard errors


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.integers(0, 3))
def test_company_and_order_of_members_do_not_matter(members, step):
    together = noise(members)
    for _ in range(step):
        together()
    for row, member in zip(together(), members, strict=True):
        assert torch.equal(row, noise([member]).field(member, step))


def test_another_seed_and_another_image_give_other_noise():
    first = noise()()
    assert torch.equal(first, noise()())
    assert not torch.equal(first, noise(seed=8)())
    assert not torch.equal(first, noise(digest=b"another")())


@given(st.integers(0, 200), st.integers(1, 100))
def test_a_stream_can_be_entered_anywhere(start, count):
    whole = standard_normal(KEY, (0, 1, 2), 300)
    part = standard_normal(KEY, (0, 1, 2), count, start)
    np.testing.assert_array_equal(part, whole[start : start + count])


def test_the_global_generators_are_left_alone():
    torch.manual_seed(0)
    np.random.seed(0)
    expected = torch.rand(()), np.random.random()
    torch.manual_seed(0)
    np.random.seed(0)
    noise()()
    assert (torch.rand(()), np.random.random()) == expected
