"""Clients that drip: each holds a connection for as long as the server lets it."""

from __future__ import annotations

import asyncio
from collections import Counter

from load.wire import connected, form, form_head, head

DRIP_SECONDS = 1.0
SLOW_READ = 1024  # bytes at a time
LARGEST_PART = "/static/vendor/niivue.umd.js"


async def drip_upload(address: str, told: Counter[str]) -> None:
    """An image that arrives byte by byte."""
    body = form("slow.png", bytes(4000))
    async with connected(address) as (_, writer):
        writer.write(form_head(len(body)))
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
            told["bytes dripped"] += 1
            await asyncio.sleep(DRIP_SECONDS)


async def drip_headers(address: str, told: Counter[str]) -> None:
    """A request whose headers never end."""
    async with connected(address) as (_, writer):
        writer.write(head("GET", "/")[:-2] + b"X-Slow: ")
        while True:
            writer.write(b"a")
            await writer.drain()
            told["bytes dripped"] += 1
            await asyncio.sleep(DRIP_SECONDS)


async def sip_answer(address: str, told: Counter[str]) -> None:
    """A large part of the page, read a little at a time."""
    async with connected(address, limit=SLOW_READ) as (reader, writer):
        writer.write(head("GET", LARGEST_PART))
        while await reader.read(SLOW_READ):
            told["sips"] += 1
            await asyncio.sleep(DRIP_SECONDS)


KINDS = (drip_upload, drip_upload, sip_answer, drip_headers, sip_answer)


async def for_ever(number: int, address: str, told: Counter[str]) -> None:
    """Be the slow client of a number, again and again."""
    kind = KINDS[number % len(KINDS)]
    while True:
        try:
            await kind(address, told)
        except (ConnectionError, asyncio.IncompleteReadError):
            told[f"{kind.__name__} hung up on"] += 1
        await asyncio.sleep(DRIP_SECONDS)
