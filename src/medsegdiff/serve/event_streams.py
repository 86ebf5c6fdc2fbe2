"""Events that the server sends as they happen; so many streams at once for each session."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from medsegdiff.serve.refusals import Refused

MOST_STREAMS = 16  # of one session: each holds a connection, of which there are 512
Open = Counter[str | None]


class EventStream(StreamingResponse):
    """Server-sent events, refused to a session that follows as many as it may.

    Args:
        content: the events as text.
        session: that follows; all without one count together.
        opened: streams that are open, by session.
    """

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[str], session: str | None, opened: Open) -> None:
        super().__init__(content)
        self.session, self.opened = session, opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they end, or the client leaves."""
        if self.opened[self.session] >= MOST_STREAMS:
            raise Refused(
                429,
                f"This session follows {MOST_STREAMS} jobs already, which is all that it may. "
                "Close other pages of this server, or ask for the state from time to time.",
                {"Retry-After": "10"},
            )
        self.opened[self.session] += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.opened[self.session] -= 1
            if not self.opened[self.session]:
                del self.opened[self.session]
