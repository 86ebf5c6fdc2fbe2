"""The server as a process: it listens, says where, and ends in order when it is told to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from medsegdiff.errors import CheckpointError, ResourceError
from medsegdiff.serve.app import create_app
from medsegdiff.serve.connections import Connection
from medsegdiff.serve.pool import Pool
from medsegdiff.serve.settings import ServeSettings

LOG = logging.getLogger("medsegdiff.serve")
LINGER_SECONDS = 2.0  # after the last job, in which its page can fetch the result
CLOSING_SECONDS = 3  # for connections that are still open
CONNECTIONS = 512
ARRIVALS = 128  # connections that are taken at once; each is an open file before it is counted
HEADER_BYTES = 16 * 2**10


class DrainingServer(uvicorn.Server):
    """A server that finishes running jobs when it is asked to stop; asked twice, it stops at once.

    Args:
        config: of uvicorn; its app is made by `create_app`.
        app: the same app.
        listening: called with the address once it listens.
    """

    def __init__(
        self, config: uvicorn.Config, app: FastAPI, listening: Callable[[str, int], object]
    ) -> None:
        super().__init__(config)
        self._app, self._listening = app, listening
        self._draining: asyncio.Task[None] | None = None
        self._is_asked = False

    @property
    def pool(self) -> Pool:
        """The workers, once the app has started."""
        return self._app.state.serving.pool

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A first signal asks; a second one stops without waiting for anybody."""
        if self._is_asked:
            self.should_exit = True
            self.config.timeout_graceful_shutdown = 0
        self._is_asked = True

    async def startup(self, sockets: list | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        for server in self.servers:
            for socket in server.sockets:
                self._listening(*socket.getsockname()[:2])

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: see whether it is time to stop."""
        if self._is_asked and self._draining is None and not self.should_exit:
            self._tell()
            self._draining = asyncio.create_task(self._drained())
        is_over = self._draining is not None and self._draining.done()
        return await super().on_tick(counter) or is_over or self.pool.fault is not None

    def _tell(self) -> None:
        running, seconds = self.pool.running, self._app.state.serving.settings.grace_seconds
        if running and seconds:
            LOG.info(
                "stopping: %d job(s) that run get up to %.0f s to end; Ctrl-C again ends at once",
                running,
                seconds,
            )

    async def _drained(self) -> None:
        had_jobs = self.pool.running > 0
        await self.pool.drain()
        if had_jobs:
            await asyncio.sleep(LINGER_SECONDS)


class NotCutOff(logging.Filter):
    """Keeps out of the log what uvicorn says of requests that the server's end has cut off."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is of anything else."""
        error = record.exc_info[1] if record.exc_info else None
        is_count = str(record.msg).startswith("Cancel %s running task")
        return not (is_count or isinstance(error, asyncio.CancelledError))


def serve(settings: ServeSettings, listening: Callable[[str, int], object]) -> None:
    """Run the server until a signal ends it.

    Args:
        settings: of the server.
        listening: called with host and port once it listens.

    Raises:
        CheckpointError: a model cannot be used.
        ResourceError: the port is taken, or there is no room for files.
    """
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=CLOSING_SECONDS,
        timeout_keep_alive=15,
        http=Connection,
        limit_concurrency=CONNECTIONS + 1,  # beyond, where none of them waits for its client, 503
        backlog=ARRIVALS,
        h11_max_incomplete_event_size=HEADER_BYTES,
        ws="none",
    )
    server = DrainingServer(config, app, listening)
    logging.getLogger("uvicorn.error").addFilter(NotCutOff())
    try:
        server.run()
    except SystemExit:  # uvicorn's, which has said in the log what the system said
        raise ResourceError(
            f"The server cannot start on {settings.host}, port {settings.port}. If another program "
            "has that port, choose a different one: --port 0 takes any that is free."
        ) from None
    fault = server.pool.fault
    if fault is not None:
        raise CheckpointError(fault)
