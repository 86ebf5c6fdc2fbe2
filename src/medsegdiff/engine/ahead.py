"""What a step needs, made on threads before the step asks for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """The values of a pure function of the step's number, made a few steps ahead.

    Args:
        make: gives the value of a step; called on several threads at once.
        threads: that make values; with none, each is made when it is asked for.
    """

    def __init__(self, make: Callable[[int], T], threads: int) -> None:
        self._make = make
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "batch") if threads else None
        self._begun: dict[int, Future[T]] = {}

    def get(self, number: int, total: int) -> T:
        """The value of a step, while the next ones before `total` are begun; what it raised."""
        if self._pool is None:
            return self._make(number)
        wanted = range(number, min(number + 2 * self._threads, total))
        for other in self._begun.keys() - set(wanted):  # of another training, or passed over
            self._begun.pop(other).cancel()
        for step in wanted:
            if step not in self._begun:
                self._begun[step] = self._pool.submit(self._make, step)
        return self._begun.pop(number).result()
