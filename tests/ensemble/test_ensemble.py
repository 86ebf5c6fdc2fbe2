"""Laws that hold for every ensemble, and what the settings allow."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from medsegdiff.ensemble import Ensemble
from medsegdiff.errors import ConfigError
from medsegdiff.types import labels_from_probability

NAMES = sorted(Ensemble.members)
shapes = st.tuples(st.integers(1, 6), st.sampled_from([1, 3]), st.integers(0, 2**31))


def drawn(shape: tuple[int, int, int], *space: int) -> Tensor:
    members, channels, seed = shape
    generator = torch.Generator().manual_seed(seed)
    scores = 4 * torch.randn(members, channels, *(space or (7, 5)), generator=generator)
    return scores.sigmoid() if channels == 1 else scores.softmax(dim=1)


@pytest.mark.parametrize("name", NAMES)
@given(shape=shapes, seed=st.integers(0, 2**31))
def test_the_order_of_members_does_not_matter(name, shape, seed):
    members, ensemble = drawn(shape), Ensemble.named(name)()
    order = torch.randperm(len(members), generator=torch.Generator().manual_seed(seed))
    one, other = ensemble(members), ensemble(members[order])
    torch.testing.assert_close(one.probability, other.probability, atol=1e-5, rtol=0)
    torch.testing.assert_close(one.uncertainty, other.uncertainty, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NAMES)
@given(shape=shapes, copies=st.integers(1, 5))
def test_equal_members_fuse_to_themselves(name, shape, copies):
    member = drawn((1, *shape[1:]))
    fused = Ensemble.named(name)()(member.repeat(copies, 1, 1, 1))
    expected = labels_from_probability(member[0])
    assert torch.equal(labels_from_probability(fused.probability), expected)
    assert fused.mutual_information.max() < 1e-5


@pytest.mark.parametrize("name", NAMES)
@given(shape=shapes)
def test_probabilities_stay_probabilities(name, shape):
    members = drawn(shape)
    probability = Ensemble.named(name)()(members).probability
    assert probability.shape == members.shape[1:]
    assert probability.min() >= 0
    assert probability.max() <= 1 + 1e-6
    if shape[1] > 1:
        torch.testing.assert_close(probability.sum(dim=0), torch.ones(7, 5))


@pytest.mark.parametrize("name", NAMES)
def test_empty_and_full_masks_are_fused(name):
    for value in (0.0, 1.0):
        fused = Ensemble.named(name)()(torch.full((3, 1, 6, 6), value))
        assert torch.equal(fused.probability, torch.full((1, 6, 6), value))
        assert torch.equal(fused.uncertainty, torch.zeros(6, 6))


@pytest.mark.parametrize("name", NAMES)
def test_volumes_are_fused(name):
    fused = Ensemble.named(name)()(drawn((3, 3, 0), 4, 5, 6))
    assert fused.probability.shape == (3, 4, 5, 6)
    assert fused.uncertainty.shape == (4, 5, 6)


@pytest.mark.parametrize("name", NAMES)
def test_the_head_is_one_more_voter(name):
    voters = drawn((4, 1, 3))
    with_head = Ensemble.named(name)(with_head=True)(voters[:3], voters[3])
    assert torch.equal(with_head.probability, Ensemble.named(name)()(voters).probability)
    without = Ensemble.named(name)()(voters[:3], voters[3])
    assert torch.equal(without.probability, Ensemble.named(name)()(voters[:3]).probability)


def test_a_missing_head_is_a_sentence():
    with pytest.raises(ConfigError, match="with_head=false"):
        Ensemble.named("mean")(with_head=True)(drawn((2, 1, 0)))
