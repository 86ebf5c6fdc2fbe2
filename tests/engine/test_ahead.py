"""Values made ahead of time are the right ones, few at a time."""

from __future__ import annotations

import threading

import pytest

from medsegdiff.engine.ahead import Ahead


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_values_come_in_the_order_in_which_they_are_asked_for(threads):
    ahead = Ahead(lambda step: step * step, threads)
    assert [ahead.get(step, 10) for step in range(10)] == [step * step for step in range(10)]


def test_the_next_ones_are_begun_and_no_more():
    made, third = [], threading.Event()

    def make(step: int) -> int:
        made.append(step)
        if step == 3:
            third.set()
        return step

    Ahead(make, 2).get(0, 100)
    assert third.wait(5)
    assert sorted(made) == [0, 1, 2, 3]


def test_nothing_is_made_beyond_the_last_step():
    made: list[int] = []
    ahead = Ahead(made.append, 2)
    for step in range(3):
        ahead.get(step, 3)
    assert sorted(made) == [0, 1, 2]


def test_a_training_may_begin_anew():
    ahead = Ahead(lambda step: step, 1)
    assert [ahead.get(step, 9) for step in (0, 1, 2, 0, 1, 7)] == [0, 1, 2, 0, 1, 7]


def test_what_goes_wrong_is_told_at_its_step():
    ahead = Ahead(lambda step: 1 // (2 - step), 2)
    assert [ahead.get(step, 9) for step in (0, 1)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        ahead.get(2, 9)
