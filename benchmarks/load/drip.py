"""Clients that drip into every connection there is, and one that asks from new ones meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress

from load.wire import asked, connected, form_head, head

BEGUN = {  # what each kind of client sends at first
    "nothing": b"",
    "headers": head("GET", "/")[:-2] + b"X-Slow: ",
    "a form": form_head(4000),
}
DRIP_SECONDS, AGAIN_SECONDS, ASK_SECONDS = 1.0, 0.05, 0.1
HEALTH = head("GET", "/api/health", "Connection: close")


async def drip(address: str, kind: str, told: Counter[str]) -> None:
    """Hold a connection by a byte a second, and open another one when it is taken away."""
    while True:
        with suppress(OSError):
            async with connected(address) as (reader, writer):
                told["opened"] += 1
                writer.write(BEGUN[kind])
                while not reader.at_eof():
                    await asyncio.sleep(DRIP_SECONDS)
                    if BEGUN[kind]:
                        writer.write(b"a")
                        await writer.drain()
        await asyncio.sleep(AGAIN_SECONDS)


async def ask(address: str, seconds: float) -> tuple[Counter[str], list[float]]:
    """Ask again and again, each time on a new connection.

    Returns:
        How often each status came, and the seconds that the answers took.
    """
    statuses: Counter[str] = Counter()
    taken, ends = [], time.monotonic() + seconds
    while time.monotonic() < ends:
        started = time.monotonic()
        try:
            status = await asked(address, [HEALTH])
        except (OSError, asyncio.TimeoutError) as error:
            status = type(error).__name__
        statuses[status] += 1
        taken.append(time.monotonic() - started)
        await asyncio.sleep(ASK_SECONDS)
    return statuses, taken
