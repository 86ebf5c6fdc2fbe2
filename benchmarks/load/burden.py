"""The slow and the hostile clients, in a process that lets the others go first.

    python -m load.burden ADDRESS SECONDS SLOW HOSTILE

It prints an empty line once it is ready, and at its end what was answered, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from contextlib import suppress

from load import hostile, slow

NICENESS = 5  # so that the healthy clients' clock is not theirs


async def burdened(address: str, seconds: float, slow_ones: int, hostile_ones: int) -> None:
    """Be a nuisance for so long."""
    told: Counter[str] = Counter()
    clients = [slow.for_ever(number, address, told) for number in range(slow_ones)]
    clients += [hostile.for_ever(number, address, told) for number in range(hostile_ones)]
    tasks = [asyncio.create_task(client) for client in clients]
    done, pending = await asyncio.wait(tasks, timeout=seconds)
    for task in pending:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*pending)
    for task in done:  # none should be: a client ends only by its own fault
        told[f"client ended: {task.exception()!r}"] += 1
    times = os.times()
    told["cpu ms"] = round(1000 * (times.user + times.system))
    print(json.dumps(dict(sorted(told.items()))))


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    hostile.prepare()
    print(flush=True)
    place, *numbers = sys.argv[1:]
    asyncio.run(burdened(place, float(numbers[0]), int(numbers[1]), int(numbers[2])))
