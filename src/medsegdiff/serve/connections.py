"""Connections of clients that take their time: they are closed, or give way where all are taken."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

NO_REQUEST, BODY, ANSWER = range(3)  # what a connection waits for: the last is that it is read


class Connection(H11Protocol):
    """One client's connection.

    A client that has not sent a whole head of a request in time is hung up on. Where as many
    connections are open as may be, a new one takes the place of the one that has waited longest for
    its client: first of those without a request, then of those whose body arrives, then of those
    whose answer is not read. So whoever drips into all of them pushes out his own. Who has just
    come is spared, unless half of all ask for nothing.
    """

    fresh_seconds = 0.25  # in which a client that has come would have asked
    asking_seconds = 20.0  # from connecting, or from a request's first byte, to its last header

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.since = self.loop.time()
        self._asking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Take a client in, in the place of another if need be."""
        self._make_room()
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._unwatch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come, of a head that must be whole in time or of what follows it."""
        super().data_received(data)
        if self.awaited == NO_REQUEST:
            self._watch()
        else:
            self._unwatch()

    def on_response_complete(self) -> None:
        """From now on the client is waited for again."""
        self.since = self.loop.time()
        super().on_response_complete()

    @property
    def awaited(self) -> int | None:
        """What of its client is waited for; None where the client waits for the server."""
        if self.conn.their_state is h11.IDLE:
            return NO_REQUEST
        if self.conn.their_state is h11.SEND_BODY:
            return BODY
        return ANSWER if self.flow.write_paused else None

    def _make_room(self) -> None:
        if self.limit_concurrency is None or len(self.connections) < self.limit_concurrency - 1:
            return
        known = (one for one in self.connections if isinstance(one, Connection))
        waiting = [(one.awaited, one.since, one) for one in known if one.awaited is not None]
        silent = sum(awaited == NO_REQUEST for awaited, _, _ in waiting)
        spared_from = self.loop.time() - self.fresh_seconds * (2 * silent < len(self.connections))
        if waiting:
            longest = min(waiting, key=lambda one: (one[1] > spared_from, *one[:2]))[2]
            self.connections.discard(longest)  # now, for it is told of its end only later
            longest.transport.abort()

    def _watch(self) -> None:
        if self._asking is None:
            self._asking = self.loop.call_later(self.asking_seconds, self._hang_up)

    def _unwatch(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _hang_up(self) -> None:
        self._asking = None
        if self.awaited == NO_REQUEST:
            self.transport.abort()
