"""Parts of a folder, and who works beside the network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.engine.settings import validated
from medsegdiff.engine.workers import NOBODY, Part, Workers
from medsegdiff.errors import ConfigError

STUDIES = [f"study_{number}" for number in range(23)]


@given(count=st.integers(0, 23), parts=st.integers(1, 30))
def test_every_study_is_in_exactly_one_part(count: int, parts: int):
    studies = STUDIES[:count]
    found = [Part(num_parts=parts, part_id=one).of(studies) for one in range(parts)]
    assert sorted(study for part in found for study in part) == sorted(studies)
    assert max(map(len, found)) - min(map(len, found)) <= 1


@pytest.mark.parametrize("part", [{"num_parts": 2, "part_id": 2}, {"part_id": 1}, {"num_parts": 0}])
def test_a_part_that_is_not_there_is_refused(part: dict[str, int]):
    with pytest.raises(ConfigError, match="part"):
        validated(Part, part)


def test_without_readers_or_writers_nothing_overlaps():
    assert Workers().are_there
    assert not any(one.are_there for one in (NOBODY, Workers(readers=0), Workers(writers=0)))


def test_memory_is_given_in_gigabytes():
    assert Workers(memory_gb=0.5).memory_bytes == 2**29
