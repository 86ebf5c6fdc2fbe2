"""HTTP by hand: whatever bytes are wanted, in whatever pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

ANSWER_SECONDS = 60.0  # in which a server that works answers, or hangs up
PIECE = 64 * 2**10
BOUNDARY = "7d81b516112482accc76"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(address: str, limit: int = PIECE) -> AsyncIterator[Streams]:
    """A connection, closed without ceremony."""
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=limit)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def asked(address: str, pieces: Iterable[bytes]) -> str:
    """Send pieces of a request and read the status of the answer.

    Returns:
        Three digits; "closed" where the server hung up without an answer.
    """
    async with connected(address) as (reader, writer):
        reading = asyncio.ensure_future(reader.readline())
        try:
            for piece in pieces:
                if reading.done():
                    break
                writer.write(piece)
                await writer.drain()
            line = await asyncio.wait_for(reading, ANSWER_SECONDS)
        except ConnectionError:
            line = await _left(reading)
        finally:
            reading.cancel()
    words = line.split()
    return words[1].decode() if len(words) > 1 else "closed"


def head(method: str, path: str, *lines: str) -> bytes:
    """A request's first lines."""
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", "")).encode(
        "latin-1"
    )


def form(name: str, content: bytes, settings: str = "{}") -> bytes:
    """A form with settings and one file."""
    start = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="settings"\r\n\r\n{settings}\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    )
    return start.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def posted(body: bytes, path: str = "/api/jobs") -> list[bytes]:
    """A whole request with a form."""
    return [form_head(len(body), path), body]


def form_head(length: int | None, path: str = "/api/jobs") -> bytes:
    """The first lines of a request with a form; None is for a length that is not told."""
    told = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return head("POST", path, f"Content-Type: multipart/form-data; boundary={BOUNDARY}", told)


async def _left(reading: asyncio.Future[bytes]) -> bytes:
    """What was answered before the connection broke."""
    try:
        return await asyncio.wait_for(asyncio.shield(reading), 1.0)
    except (ConnectionError, asyncio.TimeoutError):
        return b""
