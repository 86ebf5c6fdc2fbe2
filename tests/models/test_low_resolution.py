"""Extras of the coarse stages: nothing by default, then from one stage on."""

from __future__ import annotations

import pytest

from medsegdiff.models.low_resolution import LowResolution


def test_there_are_none_by_default():
    low = LowResolution()
    assert not any(low.attends_at(stage) or low.dropout_at(stage) for stage in range(1, 9))


def test_attention_is_at_one_stage_and_dropout_from_it_on():
    low = LowResolution(stage=3, transformer=True, dropout=0.2)
    assert [low.attends_at(stage) for stage in (1, 2, 3, 4, 5)] == [0, 0, 1, 0, 0]
    assert [low.dropout_at(stage) for stage in (1, 2, 3, 4, 5)] == [0, 0, 0.2, 0.2, 0.2]


@pytest.mark.parametrize("extra", [{"transformer": True}, {"dropout": 0.1}])
def test_a_stage_beyond_the_network_is_refused_when_it_is_used(extra):
    LowResolution(stage=5).check(stages=3)
    LowResolution(stage=3, **extra).check(stages=3)
    with pytest.raises(ValueError, match=r"low_resolution.stage is 5, .* stages 1 to 3"):
        LowResolution(stage=5, **extra).check(stages=3)
