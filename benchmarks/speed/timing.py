"""Seconds of several works, taken in turns, so that a busy moment of the machine hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import torch

Work = Callable[[], object]
Turn = Callable[[], float]  # does a work once, and says how many seconds it took
QUICK, SLOW = 3.0, 15.0  # seconds
RUNS_BETWEEN = 3  # of works that take longer than quick ones and less than slow ones


@dataclass(frozen=True)
class Timing:
    """What a work takes.

    Args:
        s: median seconds.
        fastest: run, in seconds.
        runs: of which it is the median.
    """

    s: float
    fastest: float
    runs: int


def alternating(turns: Mapping[str, Turn], repeats: int) -> dict[str, Timing]:
    """Time each work several times, in turns.

    The first run of a quick work only warms up. Slower ones need no warming up, so their first run
    counts: those of up to `SLOW` seconds are run three times, others once.

    Args:
        turns: by name.
        repeats: timed runs of a quick work.
    """
    taken = {name: [turn()] for name, turn in turns.items()}
    more = {name: further(first, repeats) for name, (first,) in taken.items()}
    for number in range(max(more.values(), default=0)):
        for name, turn in turns.items():
            if number < more[name]:
                taken[name].append(turn())
    counted = {name: one[one[0] <= QUICK :] for name, one in taken.items()}
    return {name: Timing(median(one), min(one), len(one)) for name, one in counted.items()}


def further(first: float, repeats: int) -> int:
    """How often a work is run again whose first run took so many seconds."""
    if first <= QUICK:
        return repeats
    return RUNS_BETWEEN - 1 if first <= SLOW else 0


def seconds_of(work: Work) -> float:
    """Seconds that a work takes now."""
    waited_for_gpu()
    start = time.perf_counter()
    work()
    waited_for_gpu()
    return time.perf_counter() - start


def waited_for_gpu() -> None:
    """Until a GPU has done what it was given; nothing where none is used."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
