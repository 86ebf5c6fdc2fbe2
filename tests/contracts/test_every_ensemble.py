"""Whatever ensemble there is: it fuses members of equal standing into probabilities."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor

import medsegdiff.ensemble as ensembles
from medsegdiff.ensemble import predictive_entropy, tempered
from medsegdiff.errors import ConfigError
from medsegdiff.types import MaskCoding, labels_from_probability

SHIPPED = {
    name: member
    for name, member in ensembles.Ensemble.members.items()
    if member.__module__.startswith("medsegdiff.")
}
every_ensemble = pytest.mark.parametrize("name", sorted(SHIPPED))
every_task = pytest.mark.parametrize("channels", [1, 3])
every_grid = pytest.mark.parametrize("grid", [(9, 7), (4, 5, 6)])


def drawn(members: int, channels: int, grid: tuple[int, ...] = (9, 7)) -> Tensor:
    """Probabilities, shape (M, K, *S), that are mostly sure of themselves."""
    generator = torch.Generator().manual_seed(members)
    logits = 4 * torch.randn(members, channels, *grid, generator=generator)
    return logits.sigmoid() if channels == 1 else logits.softmax(dim=1)


def test_there_are_ensembles() -> None:
    assert {"mean", "vote", "staple"} <= set(SHIPPED)


@every_ensemble
@every_task
@every_grid
def test_probability_and_uncertainty_are_in_range(
    name: str, channels: int, grid: tuple[int, ...]
) -> None:
    fused = SHIPPED[name]()(drawn(5, channels, grid))
    total = fused.probability.sum(dim=0)
    assert fused.probability.shape == (channels, *grid)
    assert ((fused.probability >= 0) & (fused.probability <= 1)).all()
    assert channels == 1 or torch.allclose(total, torch.ones(grid), atol=1e-5)
    assert fused.uncertainty.shape == grid
    assert fused.uncertainty.min() >= 0
    assert fused.uncertainty.max() <= log(max(channels, 2)) + 1e-5
    assert (fused.mutual_information <= fused.uncertainty + 1e-6).all()


@every_ensemble
@every_task
def test_one_member_is_its_own_ensemble(name: str, channels: int) -> None:
    member = drawn(1, channels)
    fused = SHIPPED[name]()(member)
    assert torch.equal(
        labels_from_probability(fused.probability), labels_from_probability(member[0])
    )
    torch.testing.assert_close(fused.mutual_information, torch.zeros(9, 7), rtol=0, atol=1e-6)


@every_ensemble
@every_task
def test_members_that_agree_are_believed(name: str, channels: int) -> None:
    member = drawn(1, channels)
    fused = SHIPPED[name]()(member.expand(4, *member.shape[1:]))
    assert torch.equal(
        labels_from_probability(fused.probability), labels_from_probability(member[0])
    )
    torch.testing.assert_close(fused.mutual_information, torch.zeros(9, 7), rtol=0, atol=1e-6)


@every_ensemble
@every_task
def test_the_order_of_members_does_not_matter(name: str, channels: int) -> None:
    members = drawn(6, channels)
    first, second = SHIPPED[name]()(members), SHIPPED[name]()(members[[4, 0, 5, 2, 1, 3]])
    torch.testing.assert_close(first.probability, second.probability, rtol=0, atol=1e-5)
    torch.testing.assert_close(first.uncertainty, second.uncertainty, rtol=0, atol=1e-5)


@every_ensemble
@every_task
def test_all_empty_masks_stay_empty(name: str, channels: int) -> None:
    members = torch.zeros(4, channels, 9, 7)
    if channels > 1:
        members[:, 0] = 1
    fused = SHIPPED[name]()(members)
    assert not labels_from_probability(fused.probability).any()
    assert fused.probability.isfinite().all()


@every_ensemble
def test_the_head_votes_only_if_asked(name: str) -> None:
    members, head = drawn(4, 1), drawn(1, 1)[0]
    without, ignored = SHIPPED[name]()(members), SHIPPED[name]()(members, head)
    assert torch.equal(without.probability, ignored.probability)
    with_head = SHIPPED[name](with_head=True)(members, head)
    assert not torch.equal(without.probability, with_head.probability)
    with pytest.raises(ConfigError, match="head"):
        SHIPPED[name](with_head=True)(members)


@every_ensemble
@every_task
def test_a_temperature_makes_the_uncertainty_that_of_the_tempered_mixture(
    name: str, channels: int
) -> None:
    members = drawn(5, channels)
    plain, warm = SHIPPED[name]()(members), SHIPPED[name]()(members, temperature=2.0)
    mixture = tempered(members.mean(dim=0), 2.0)
    torch.testing.assert_close(warm.uncertainty, predictive_entropy(mixture[None]))
    assert (warm.uncertainty > plain.uncertainty).any()
    assert torch.equal(warm.probability, plain.probability)


@every_ensemble
def test_settings_survive_json(name: str) -> None:
    ensemble = SHIPPED[name](with_head=True)
    assert ensembles.Ensemble.model_validate_json(ensemble.model_dump_json()) == ensemble


@every_ensemble
def test_regions_are_fused_one_by_one_as_binary_tasks(name: str) -> None:
    voters = torch.cat([drawn(5, 1), 1 - drawn(5, 1).flip(-1)], dim=1)
    ensemble, regions = SHIPPED[name](), MaskCoding(3, regions=((1, 2), (2,)), painted=(1, 2))
    fused = ensemble(voters, coding=regions)
    alone = [ensemble(voters[:, [i]]) for i in range(2)]
    assert torch.equal(fused.probability, torch.cat([one.probability for one in alone]))
    mean = torch.stack([one.uncertainty for one in alone]).mean(dim=0)
    torch.testing.assert_close(fused.uncertainty, mean)
