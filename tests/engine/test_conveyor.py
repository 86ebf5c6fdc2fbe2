"""Three stages that overlap: what runs beside what, and how much is held. No clocks."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from medsegdiff.engine.conveyor import InTurn, conveyed

LONG = 30  # seconds after which a test that hangs fails


def worked(item: int, reading: Future) -> int:
    assert reading.result(LONG) == item
    return item


def test_the_next_is_read_while_the_last_is_written():
    begun = [threading.Event() for _ in range(3)]

    def read(item: int) -> int:
        begun[item].set()
        return item

    def write(item: int) -> bool:
        return begun[min(item + 2, 2)].wait(LONG)  # item + 1 is with the network

    with ThreadPoolExecutor(1) as readers, ThreadPoolExecutor(1) as writers:
        results = conveyed(
            range(3),
            lambda item: readers.submit(read, item),
            worked,
            lambda item: writers.submit(write, item),
            ahead=2,
            behind=2,
        )
        assert list(results) == [True] * 3


def test_the_network_goes_on_while_the_last_is_written():
    drawn = threading.Event()

    def work(item: int, reading: Future) -> int:
        if item == 1:
            drawn.set()
        return item

    with ThreadPoolExecutor(1) as writers:
        results = conveyed(
            range(2),
            lambda item: InTurn().submit(int, item),
            work,
            lambda item: writers.submit(drawn.wait, LONG),
            ahead=1,
            behind=2,
        )
        assert list(results) == [True, True]


def test_no_more_than_allowed_is_held():
    held: dict[str, int] = {"read": 0, "written": 0}
    most = dict(held)

    def begun(what: str) -> Future:
        held[what] += 1
        most[what] = max(most[what], held[what])
        return InTurn().submit(int)

    def work(item: int, reading: Future) -> int:
        held["read"] -= 1
        return item

    stages = (lambda item: begun("read"), work, lambda item: begun("written"))
    for _ in conveyed(range(9), *stages, ahead=3, behind=2):
        held["written"] -= 1
    assert (most["read"], most["written"]) == (3, 1)


def test_results_keep_their_order():
    last = threading.Event()

    def write(item: int) -> int:
        last.set() if item == 3 else last.wait(LONG)
        return item

    with ThreadPoolExecutor(4) as writers:
        read = InTurn().submit
        results = conveyed(
            range(4),
            lambda item: read(int, item),
            worked,
            lambda item: writers.submit(write, item),
            ahead=1,
            behind=5,
        )
        assert list(results) == [0, 1, 2, 3]


def test_in_turn_nothing_is_begun_before_the_last_is_handed_on():
    events: list[str] = []

    def noted(what: str, item: int) -> Future:
        events.append(f"{what} {item}")
        return InTurn().submit(int, item)

    stages = (lambda item: noted("read", item), worked, lambda item: noted("written", item))
    for item in conveyed(range(2), *stages, ahead=1, behind=1):
        events.append(f"handed on {item}")
    assert events == [f"{what} {n}" for n in (0, 1) for what in ("read", "written", "handed on")]


def test_what_cannot_be_written_ends_it():
    def write(item: int) -> Future:
        return InTurn().submit(lambda: 1 // item)

    results = conveyed(
        (1, 0, 1), lambda n: InTurn().submit(int, n), worked, write, ahead=1, behind=1
    )
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
