"""Clients that take their time: none of them keeps the others out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect

from medsegdiff.serve.connections import Connection

MOST = 4
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
UPLOAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Client = Callable[[bytes], Awaitable[Streams]]


class Hasty(Connection):
    """A connection whose head must come within half a second."""

    asking_seconds = 0.5


def tried(story: Callable[[Client], Awaitable[None]], protocol: type = Connection) -> None:
    """Let clients speak to a small server that takes four connections."""

    async def played() -> None:
        app, is_over, writers = FastAPI(), asyncio.Event(), []
        app.add_api_route("/", answered, methods=["GET", "POST"])
        app.add_api_route("/long", is_over.wait, methods=["GET"])
        config = uvicorn.Config(
            app,
            port=0,
            log_config=None,
            lifespan="off",
            http=protocol,
            limit_concurrency=MOST + 1,
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        place = server.servers[0].sockets[0].getsockname()[:2]

        async def client(said: bytes) -> Streams:
            reader, writer = await asyncio.open_connection(*place)
            writers.append(writer)
            writer.write(said)
            await asyncio.sleep(0.05)
            return reader, writer

        await story(client)
        is_over.set()
        for writer in writers:
            writer.transport.abort()
        server.should_exit = True
        await running

    asyncio.run(played())


async def answered(request: Request) -> int:
    """How many bytes have come."""
    try:
        return len(await request.body())
    except ClientDisconnect:
        return 0


async def status(client: Client, said: bytes = HEAD + b"\r\n") -> bytes:
    reader, _ = await client(said)
    return (await asyncio.wait_for(reader.readline(), 5)).split()[1]


@pytest.mark.parametrize("drip", [b"", HEAD, UPLOAD])
def test_who_drips_into_all_connections_pushes_out_his_own(drip):
    async def story(client):
        slow = [await client(drip) for _ in range(3 * MOST)]
        assert await status(client) == b"200"
        assert slow[0][0].at_eof()
        assert not slow[-1][0].at_eof()

    tried(story)


def test_an_upload_under_way_stays_where_others_ask_nothing():
    async def story(client):
        reader, writer = await client(UPLOAD)
        for _ in range(3 * MOST):
            await client(HEAD)
        writer.write(b"b")
        assert (await reader.readline()).split()[1] == b"200"

    tried(story)


def test_who_has_just_come_is_spared_where_bodies_drip():
    async def story(client):
        slow = [await client(UPLOAD) for _ in range(MOST - 1)]
        await asyncio.sleep(2 * Connection.fresh_seconds)
        reader, writer = await client(b"")
        assert await status(client) == b"200"
        assert slow[0][0].at_eof()
        writer.write(HEAD + b"\r\n")
        assert (await reader.readline()).split()[1] == b"200"

    tried(story)


def test_a_head_that_does_not_end_is_hung_up_on():
    async def story(client):
        for said in (b"", HEAD + b"\r\n"):
            reader, writer = await client(said)
            writer.write(HEAD)  # the last has had its answer, and asks again
            await asyncio.wait_for(reader.read(), 2)

    tried(story, Hasty)


def test_a_slow_answer_and_a_slow_body_are_waited_for():
    async def story(client):
        reader, writer = await client(UPLOAD)
        await asyncio.sleep(2 * Hasty.asking_seconds)
        writer.write(b"b")
        assert (await reader.readline()).split()[1] == b"200"

    tried(story, Hasty)


def test_where_all_are_served_one_more_is_told_so():
    async def story(client):
        for _ in range(MOST):
            await client(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await status(client) == b"503"

    tried(story)
