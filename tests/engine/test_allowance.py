"""Memory shared by studies: two large ones are never held at once."""

from __future__ import annotations

import threading

import pytest

from medsegdiff.engine.allowance import Allowance, Closed

LONG = 30


def taking(allowance: Allowance, place: int, size: int) -> threading.Thread:
    """Somebody who takes in a thread of its own."""
    thread = threading.Thread(target=allowance.take, args=(place, size), daemon=True)
    thread.start()
    return thread


def test_a_second_large_study_waits_for_the_first():
    allowance = Allowance(100)
    allowance.take(0, 60)
    second = taking(allowance, 1, 60)
    second.join(0.05)
    assert second.is_alive()
    allowance.give_back(0)
    second.join(LONG)
    assert not second.is_alive()
    assert allowance.most_bytes == 60


def test_small_studies_are_held_together():
    allowance = Allowance(100)
    for place in range(4):
        allowance.take(place, 25)
    assert allowance.most_bytes == 100


def test_one_study_alone_may_take_more():
    allowance = Allowance(10)
    allowance.take(0, 1000)
    assert allowance.most_bytes == 1000


def test_nobody_overtakes():
    allowance = Allowance(100)
    second = taking(allowance, 1, 1)
    second.join(0.05)
    assert second.is_alive()
    allowance.take(0, 1)
    second.join(LONG)
    assert not second.is_alive()


def test_a_place_takes_once():
    allowance = Allowance(100)
    allowance.take(0, 60)
    allowance.take(0, 0)
    allowance.take(1, 40)
    assert allowance.most_bytes == 100


def test_who_waits_is_told_of_the_end():
    allowance = Allowance(100)
    timer = threading.Timer(0.05, allowance.close)
    timer.start()
    with pytest.raises(Closed):
        allowance.take(1, 1)
    timer.join()
