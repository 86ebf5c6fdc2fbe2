"""Seconds of several works, taken in turns, so that a busy moment of the machine hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

import torch

Work = Callable[[], object]
SLOW = 3.0  # seconds; works that take longer need no warming up and are run once


def alternating(works: Mapping[str, Work], repeats: int) -> dict[str, float]:
    """Median seconds of each work, run once to warm up and then in turns.

    Args:
        works: by name.
        repeats: timed runs of each.
    """
    first = {name: seconds_of(work) for name, work in works.items()}
    taken = {name: [seconds] if seconds > SLOW else [] for name, seconds in first.items()}
    for _ in range(repeats):
        for name, work in works.items():
            if first[name] <= SLOW:
                taken[name].append(seconds_of(work))
    return {name: median(seconds) for name, seconds in taken.items()}


def seconds_of(work: Work) -> float:
    """Seconds that a work takes now."""
    start = time.perf_counter()
    work()
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter() - start
