"""Members at levels of their own: what belongs together stays together."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from medsegdiff.engine.member_cut import MemberCut
from medsegdiff.engine.settings import with_predict
from medsegdiff.types import MaskCoding

COUNT = 64


def cut_of(coding: MaskCoding, start: tuple[float, ...] = (0.3,), **changes) -> MemberCut:
    made = MemberCut(0.5, 1.0, 1.0, start, COUNT, coding)
    return replace(made, **changes)


def test_what_lies_inside_a_region_stays_inside():
    coding = MaskCoding(classes=3, regions=((1, 2), (2,)), painted=(1, 2))
    whole, core = torch.full((1, 4), 0.6), torch.full((1, 4), 0.3)
    labels = torch.stack(cut_of(coding).all([torch.stack([whole, core])] * COUNT))
    assert (labels > 0).float().mean() == pytest.approx(0.6, abs=0.05)
    assert (labels == 2).float().mean() == pytest.approx(0.3, abs=0.05)


def test_members_lie_around_the_fused_mask_whatever_its_threshold():
    p = torch.tensor([[0.1, 0.2, 0.25, 0.35, 0.4, 0.6]])
    labels = torch.stack(cut_of(MaskCoding.of_channels(1), threshold=0.3).all([p] * COUNT))
    middle = labels.float().median(dim=0).values
    assert middle.equal((p[0] >= 0.3).float())


def test_every_fold_has_the_same_draws():
    p = torch.linspace(0.1, 0.9, 9)[None]
    cut = cut_of(MaskCoding.of_channels(1), per_fold=3)
    found = cut.all([p] * 6)
    assert all(one.equal(other) for one, other in zip(found[:3], found[3:], strict=True))
    assert not found[0].equal(found[1])


def test_without_levels_of_their_own_all_are_cut_alike():
    p = torch.linspace(0.1, 0.9, 9)[None]
    found = cut_of(MaskCoding.of_channels(1), spread=0.0).all([p] * 4)
    assert all(one.equal((p[0] >= 0.5).byte()) for one in found)


@pytest.mark.parametrize("members", [0, 1])
def test_a_single_member_is_the_mask(model, members: int):
    config = with_predict(model.predict, members=members, spread=1.0)
    assert MemberCut.of(model, config, b"study").spread == 0
