"""Clients that mean harm: each kind is a request, and the answers that are no fault."""

from __future__ import annotations

import asyncio
import io
import random
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from load.wire import BOUNDARY, PIECE, asked, form, form_head, head, posted
from medsegdiff.serve.sessions import COOKIE

GIGABYTE = 2**30
PAUSE_SECONDS = 1.0  # between two attacks of one client
TAKEN = ("202", "429")  # a job that will be told to have failed, or a full line


class Dice(random.Random):
    """Chance, and the port of the server that is attacked, which its cookies name."""

    port: int | None = None


class Attack(NamedTuple):
    """A request.

    Args:
        pieces: its bytes.
        expected: statuses that are no fault of the server; "closed" where it may hang up.
    """

    pieces: Iterable[bytes]
    expected: tuple[str, ...]


def zip_bomb(dice: Dice) -> Attack:
    """A gigabyte of zeros in a megabyte."""
    return Attack(posted(form("bomb.zip", _bomb())), TAKEN)


def zip_of_zips(dice: Dice) -> Attack:
    """An archive of archives, with names that leave their folder."""
    content = _zipped({"../../../tmp/evil.zip": _zipped({"/etc/passwd": b"x"})})
    return Attack(posted(form("nest.zip", content)), TAKEN)


def picture_bomb(dice: Dice) -> Attack:
    """A PNG that declares 60000 x 60000 pixels."""
    return Attack(posted(form("huge.png", _huge_png())), TAKEN)


def noise(dice: Dice) -> Attack:
    """Random bytes that call themselves an image."""
    ending = dice.choice(("png", "jpg", "tif", "nii.gz", "nrrd", "dcm", "zip", "mha"))
    return Attack(posted(form(f"noise.{ending}", dice.randbytes(20_000))), TAKEN)


def wrong_type(dice: Dice) -> Attack:
    """A program, a page, a script."""
    name = dice.choice(("a.exe", "a.html", "a.py", "a.pth", "a.pkl", "a.svg", "a.doc", ".png.sh"))
    return Attack(posted(form(name, b"MZ" + bytes(100))), ("415", "429"))


def declared_giant(dice: Dice) -> Attack:
    """A body that says that it has two gigabytes."""
    return Attack([form_head(2 * GIGABYTE), bytes(PIECE)], ("413", "429"))


def undeclared_giant(dice: Dice) -> Attack:
    """A body of two gigabytes that does not say so."""
    return Attack(_chunks(2 * GIGABYTE), ("413", "429", "closed"))


def path_trick(dice: Dice) -> Attack:
    """Addresses that climb out of their folder."""
    up = dice.choice(("../", "..%2f", "%2e%2e/", "..\\", "....//", "%252e%252e/", "%00/"))
    start = dice.choice(("/static/", "/api/jobs/", "/api/run/pictures/", "/session/", "/"))
    refused = ("400", "404", "405", "422")
    return Attack([head("GET", f"{start}{up * 6}etc/passwd")], refused)


def name_trick(dice: Dice) -> Attack:
    """Files whose names climb out of their folder."""
    name = dice.choice(("../../etc/cron.png", "C:\\\\windows\\\\a.png", "/etc/a.png", "a" * 3000))
    expected = (*TAKEN, "415", "400")
    return Attack(posted(form(f"{name}.png", b"x")), expected)


def short_body(dice: Dice) -> Attack:
    """Less than was announced, and then nothing."""
    return Attack([form_head(100_000), b"--" + BOUNDARY.encode()[:5]], ("400", "408", "429"))


def long_body(dice: Dice) -> Attack:
    """More than was announced: the rest looks like another request."""
    body = form("a.png", b"x")
    return Attack([form_head(30), body + head("DELETE", "/api/jobs")], ("400", "429"))


def long_headers(dice: Dice) -> Attack:
    """A megabyte of headers."""
    lines = (f"X-{number}: {'a' * 1000}" for number in range(1000))
    return Attack([head("GET", "/", *lines)], ("400", "431", "closed"))


def no_http(dice: Dice) -> Attack:
    """Anything but HTTP."""
    return Attack([dice.randbytes(500) + b"\r\n\r\n"], ("400", "closed"))


def many_parts(dice: Dice) -> Attack:
    """A form of fifty thousand parts."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'.encode()
    return Attack(posted(part * 50_000 + f"--{BOUNDARY}--\r\n".encode()), ("413", "429"))


def wrong_host(dice: Dice) -> Attack:
    """Another name (DNS rebinding), or another origin (cross-site request forgery)."""
    if dice.random() < 0.5:
        return Attack([b"GET /api/models HTTP/1.1\r\nHost: evil.example\r\n\r\n"], ("421",))
    return Attack([head("POST", "/api/jobs", "Origin: http://evil.example")], ("403",))


def guess(dice: Dice) -> Attack:
    """Another person's results, under a session that was never issued."""
    path = f"/api/jobs/{dice.randbytes(16).hex()}/files/mask"
    forged = f"{dice.randbytes(16).hex()}.{dice.randbytes(32).hex()}"
    return Attack([head("GET", path, f"Cookie: {COOKIE}_{dice.port}={forged}")], ("404",))


KINDS: tuple[Callable[[Dice], Attack], ...] = (
    zip_bomb,
    wrong_type,
    declared_giant,
    undeclared_giant,
    path_trick,
    name_trick,
    short_body,
    long_body,
    long_headers,
    no_http,
    picture_bomb,
    noise,
    many_parts,
    wrong_host,
    guess,
    zip_of_zips,
)


async def for_ever(number: int, address: str, told: Counter[str]) -> None:
    """Be the hostile client of a number: one kind after the other, each beginning elsewhere."""
    dice = Dice(number)
    dice.port = urlsplit(address).port
    while True:
        kind = KINDS[number % len(KINDS)]
        attack = kind(dice)
        try:
            status = await asked(address, attack.pieces)
        except asyncio.TimeoutError:
            status = "no answer"
        is_fine = status in attack.expected
        told[f"{kind.__name__}: {status}{'' if is_fine else ' (unexpected)'}"] += 1
        number += 1
        await asyncio.sleep(PAUSE_SECONDS)


def prepare() -> None:
    """Make what takes long to make."""
    _bomb()
    _huge_png()


@cache
def _bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.nii", bytes(GIGABYTE))
    return file.getvalue()


def _zipped(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


@cache
def _huge_png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(10**7))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def _chunks(count: int) -> Iterator[bytes]:
    """A form whose only file never ends, in chunks."""
    begun = form("endless.png", b"").rpartition(b"\r\n--")[0]
    yield form_head(None)
    yield f"{len(begun):x}\r\n".encode() + begun + b"\r\n"
    piece = f"{PIECE:x}\r\n".encode() + bytes(PIECE) + b"\r\n"
    for _ in range(count // PIECE):
        yield piece
    yield b"0\r\n\r\n"
