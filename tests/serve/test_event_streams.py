"""Events are sent to a session so many times at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from medsegdiff.serve.event_streams import MOST_STREAMS, EventStream, Open
from medsegdiff.serve.refusals import Refused

SCOPE: Any = {"type": "http", "asgi": {"spec_version": "2.4"}}


async def nothing(*_: Any) -> Any:
    return None


def test_a_session_follows_so_many_and_others_as_many():
    async def played() -> None:
        opened: Open = Counter()
        is_over = asyncio.Event()

        async def events() -> AsyncIterator[str]:
            await is_over.wait()
            yield "event: end"

        def follow(session: str) -> Any:
            return EventStream(events(), session, opened)(SCOPE, nothing, nothing)

        running = [asyncio.create_task(follow("me")) for _ in range(MOST_STREAMS)]
        await asyncio.sleep(0.01)
        with pytest.raises(Refused, match="follows 16 jobs already") as refused:
            await follow("me")
        assert refused.value.status == 429
        running.append(asyncio.create_task(follow("another")))
        is_over.set()
        await asyncio.gather(*running)
        assert not opened

    asyncio.run(played())
