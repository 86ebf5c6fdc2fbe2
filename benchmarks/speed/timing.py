"""Seconds of several works, taken in turns, so that a busy moment of the machine hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

Work = Callable[[], object]


def alternating(works: Mapping[str, Work], repeats: int) -> dict[str, float]:
    """Median seconds of each work, run once to warm up and then in turns.

    Args:
        works: by name.
        repeats: timed runs of each.
    """
    for work in works.values():
        work()
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - start)
    return {name: median(seconds) for name, seconds in taken.items()}
