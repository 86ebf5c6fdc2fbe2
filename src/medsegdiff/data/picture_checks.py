"""Whether a PNG, JPEG or BMP file is whole, also where its decoder would fill in what is missing.

Pillow reads a PNG whose pixels are fewer than declared as if the rest were black, and a BMP whose
header says less than the file holds from the wrong places.

Sources: W3C PNG, sections 5 and 11; ITU-T T.81, B.1.1.3; Microsoft, BITMAPINFOHEADER.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

PNG_START = 8  # bytes of the signature
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
PALETTE = 3
ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
BLOCK = 2**20  # bytes inflated at a time
PADDING = 3  # bytes that writers of BMP add to fill up a word
BMP_PLAIN = (0, 3)  # BI_RGB, BI_BITFIELDS


def check_complete(content: bytes, kind: str) -> None:
    """Refuse a picture that ends early or holds less, or more, than it declares.

    Args:
        content: the whole file.
        kind: "PNG", "JPEG" or "BMP".

    Raises:
        ValueError: says what is wrong with it.
    """
    checks: dict[str, Callable[[bytes], None]] = {
        "PNG": _check_png,
        "JPEG": _check_jpeg,
        "BMP": _check_bmp,
    }
    checks[kind](content)


def _check_jpeg(content: bytes) -> None:
    end = content.rfind(b"\xff\xd9")
    if end < 0 or end < content.rfind(b"\xff\xda"):
        raise ValueError("it has no end-of-image mark")


def _check_png(content: bytes) -> None:
    chunks = _png_chunks(content)
    name, header = next(chunks)
    if name != b"IHDR" or len(header) != 13:
        raise ValueError("its first chunk is not IHDR")
    names, data = [], []
    for name, body in chunks:
        names.append(name)
        if name == b"IDAT":
            data.append(body)
    if header[9] == PALETTE and b"PLTE" not in names:
        raise ValueError("its palette is missing")
    _check_inflated(data, _png_size(header))


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the name and body of every chunk to the last, IEND; what lies behind is left alone."""
    place, name, view = PNG_START, b"", memoryview(content)
    while name != b"IEND":
        if place + 12 > len(content):
            raise ValueError("its content ends early")
        (size,) = struct.unpack_from(">I", content, place)
        name, end = content[place + 4 : place + 8], place + 8 + size
        if content[end : end + 4] != struct.pack(">I", zlib.crc32(view[place + 4 : end])):
            raise ValueError("the checksum of a chunk is wrong")
        yield name, view[place + 8 : end]
        place = end + 4


def _png_size(header: memoryview) -> int:
    """Bytes that the pixels inflate to: rows of whole bytes, each after its filter's number."""
    width, height, bits, colours, _, _, is_interlaced = struct.unpack(">IIBBBBB", header)
    passes = ADAM7 if is_interlaced else ((0, 0, 1, 1),)
    sides = [(-((x - width) // dx), -((y - height) // dy)) for x, y, dx, dy in passes]
    pixel = CHANNELS.get(colours, 0) * bits
    return sum(h * (1 + (w * pixel + 7) // 8) for w, h in sides if w > 0 and h > 0)


def _check_inflated(data: list[memoryview], expected: int) -> None:
    inflate, found = zlib.decompressobj(), 0
    for part in data:
        rest: bytes | memoryview = part
        while rest and not inflate.eof and found <= expected:
            found += len(inflate.decompress(rest, BLOCK))
            rest = inflate.unconsumed_tail
    while not inflate.eof and found <= expected:  # what it still holds back
        block = inflate.decompress(b"", BLOCK)
        if not block:
            break
        found += len(block)
    if found != expected or not inflate.eof:
        raise ValueError(
            f"it holds {'more' if found > expected else 'fewer'} pixels than it declares"
        )


def _check_bmp(content: bytes) -> None:
    start, head = struct.unpack_from("<2I", content, 10)
    if start < 14 + head:
        raise ValueError("its pixels begin inside its header")
    if head < 40:
        return  # OS/2, without a size of its own
    width, height, _, bits, compression, declared = struct.unpack_from("<2i2H2I", content, 18)
    if compression not in BMP_PLAIN:
        return
    needed = (width * bits + 31) // 32 * 4 * abs(height)
    if start + needed > len(content):
        raise ValueError("its content ends early")
    if declared and not needed <= declared <= needed + PADDING:
        raise ValueError(f"its sides ask for {needed} bytes of pixels, but it declares {declared}")
