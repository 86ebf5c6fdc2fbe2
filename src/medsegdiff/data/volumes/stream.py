"""Bytes of a file from some place to its end: never more than asked for, never less than promised.

Compressed content (gzip, RFC 1952; zlib, RFC 1950) is opened block by block, so a small file cannot
grow beyond what its header declares, and its checksum is always reached.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from medsegdiff.data.file_checks import unreadable

BLOCK = 2**18  # bytes read from disk at once
GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS  # told apart by the first bytes
MOST_SHRUNK = 1032  # zlib cannot shrink by more: 258 bytes cost at least 2 bits
GZIP = b"\x1f\x8b"


@runtime_checkable
class Stream(Protocol):
    """Whatever gives its bytes piece by piece; none at its end."""

    def read(self, count: int, /) -> bytes:
        """At least one and at most `count` bytes, or none at the end."""
        ...


class Inflated:
    """The bytes of a compressed file, one or more gzip members or one of zlib.

    Args:
        file: open at the first compressed byte.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inflater = zlib.decompressobj(GZIP_OR_ZLIB)
        self._pending = b""

    def read(self, count: int, /) -> bytes:
        """At least one and at most `count` bytes; none once all checksums were right.

        Raises:
            ValueError: it ends early, or goes on with something else.
            zlib.error: it is damaged.
        """
        while not self._inflater.eof or self._has_another_member():
            packed = self._pending or self._file.read(BLOCK)
            content = self._inflater.decompress(packed, count)
            self._pending = self._inflater.unconsumed_tail
            if content:
                return content
            if not packed and not self._inflater.eof:
                raise ValueError("its compressed content ends early")
        return b""

    def _has_another_member(self) -> bool:
        rest = self._inflater.unused_data
        while len(rest) < len(GZIP) or not rest.strip(b"\0"):
            more = self._file.read(BLOCK)
            if not more:
                break
            rest = rest.strip(b"\0") + more
        if not rest.strip(b"\0"):  # gzip may be padded with zeros
            return False
        if not rest.startswith(GZIP):
            raise ValueError("something follows its compressed content")
        self._inflater = zlib.decompressobj(GZIP_OR_ZLIB)
        self._pending = rest
        return True


@contextmanager
def opened(path: Path, is_packed: bool, offset: int = 0) -> Iterator[Stream]:
    """Open a file; whatever goes wrong while it is read names it.

    Args:
        path: the file.
        is_packed: whether its content is compressed with gzip or zlib.
        offset: of the first byte in the file, before anything is inflated.

    Raises:
        UnreadableStudy: the content is damaged or ends early.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            yield Inflated(file) if is_packed else file
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from None


def exactly(stream: Stream, count: int) -> bytes:
    """The next `count` bytes.

    Raises:
        ValueError: the stream ends before.
    """
    pieces, missing = [], count
    while missing:
        piece = stream.read(missing)
        if not piece:
            raise ValueError("its content ends early")
        pieces.append(piece)
        missing -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def check_at_end(stream: Stream) -> None:
    """Refuse a stream that goes on; reaching its end checks its checksum.

    Raises:
        ValueError: there are more bytes.
    """
    if stream.read(1):
        raise ValueError("it is longer than it declares")


def check_size(path: Path, is_packed: bool, offset: int, count: int) -> None:
    """Refuse, before anything is allocated, a file that cannot hold what it declares.

    Args:
        path: the file.
        is_packed: whether it is compressed.
        offset: of the first byte in the file.
        count: bytes that it declares from there on.

    Raises:
        UnreadableStudy: it is too short, or (not compressed) too long.
    """
    size = path.stat().st_size - offset
    if size * (MOST_SHRUNK if is_packed else 1) < count:
        raise unreadable(path, f"its content ends early: {count} bytes are declared")
    if not is_packed and size > count:
        raise unreadable(path, f"it is {size - count} bytes longer than it declares")
