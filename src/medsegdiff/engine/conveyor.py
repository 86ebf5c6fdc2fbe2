"""Reading, working and writing at the same time, with the results in the order of the items.

read    n+1 n+2 ...   at most `ahead` items, started in order
work    n             one at a time, here
write   n-1 n-2 ...   at most `behind` items
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
from typing import Any, TypeVar

Item = TypeVar("Item")
Read = TypeVar("Read")
Worked = TypeVar("Worked")
Written = TypeVar("Written")


class InTurn(Executor):
    """Does what it is given at once, before it returns."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def conveyed(
    items: Iterable[Item],
    read: Callable[[Item], Future[Read]],
    work: Callable[[Item, Future[Read]], Worked],
    write: Callable[[Worked], Future[Written]],
    *,
    ahead: int,
    behind: int,
) -> Iterator[Written]:
    """Take each item through three stages that overlap.

    Args:
        items: to read.
        read: begins to read one.
        work: on an item and what was read of it, when that is there.
        write: begins to write what came of it.
        ahead: items that are read or wait for `work`, at most.
        behind: items that are written or wait to be handed on, at most.

    Yields:
        What was written, in the order of the items.
    """
    coming = iter(items)
    reading: deque[tuple[Item, Future[Read]]] = deque()
    writing: deque[Future[Written]] = deque()
    while True:
        while writing and (len(writing) >= behind or writing[0].done()):
            yield writing.popleft().result()
        reading.extend((one, read(one)) for one in islice(coming, ahead - len(reading)))
        if not reading:
            break
        _, next_one = reading[0]
        if writing and not next_one.done():
            either: list[Future[Any]] = [next_one, writing[0]]
            wait(either, return_when=FIRST_COMPLETED)
            del either  # it would hold what is long handed on
            if not next_one.done():
                continue  # what is written may have to go before there is room to read
        del next_one
        writing.append(write(work(*reading.popleft())))
    while writing:
        yield writing.popleft().result()
