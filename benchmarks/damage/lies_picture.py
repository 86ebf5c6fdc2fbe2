"""Headers of PNG, JPEG, BMP and TIFF that lie; the checksums of PNG are made right.

Sources: W3C PNG, section 11.2.2; ITU-T T.81, annex B; TIFF 6.0, section 2.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from damage.pictures import PICTURE
from damage.study import PLAUSIBLE, Expected, Lie

H, W = PICTURE
FILLED = "JPEG has no checksum, and its decoder fills in what is missing"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
Chunks = list[tuple[bytes, bytes]]


def chunks_of(content: bytes) -> Chunks:
    """Split a PNG into (name, body)."""
    found, place = [], len(SIGNATURE)
    while place < len(content):
        (size,) = struct.unpack_from(">I", content, place)
        found.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + size]))
        place += 12 + size
    return found


def png_of(chunks: Chunks) -> bytes:
    """Join chunks into a PNG with right lengths and checksums."""
    packed = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    ]
    return SIGNATURE + b"".join(packed)


def ihdr(width: int = W, height: int = H, *rest: int) -> tuple[bytes, bytes]:
    """A header chunk; the rest is depth, colour type, compression, filter, interlace."""
    return b"IHDR", struct.pack(">IIBBBBB", width, height, *(rest or (8, 0, 0, 0, 0)))


def _ihdr(says: str, *values: int) -> Lie:
    return Lie(says, lambda content: png_of([ihdr(*values), *chunks_of(content)[1:]]))


def _chunks(says: str, change: Callable[[Chunks], Chunks], expected: Expected) -> Lie:
    return Lie(says, lambda content: png_of(change(chunks_of(content))), expected)


PNG: tuple[Lie, ...] = (
    _ihdr("width = 0", 0),
    _ihdr("width = 2^31 - 1", 2**31 - 1, 2**31 - 1),
    _ihdr("width = 2^32 - 1", 2**32 - 1),
    _ihdr("width one more", W + 1),
    _ihdr("width half", W // 2),
    _ihdr("height one more", W, H + 1),
    _ihdr("height one less", W, H - 1),
    _ihdr("height tenfold", W, 10 * H),
    _ihdr("depth = 16", W, H, 16, 0, 0, 0, 0),
    _ihdr("depth = 3", W, H, 3, 0, 0, 0, 0),
    _ihdr("depth = 4", W, H, 4, 0, 0, 0, 0),
    _ihdr("colour type = 2", W, H, 8, 2, 0, 0, 0),
    _ihdr("colour type = 3 without a palette", W, H, 8, 3, 0, 0, 0),
    _ihdr("colour type = 5", W, H, 8, 5, 0, 0, 0),
    _ihdr("filter = 9", W, H, 8, 0, 0, 9, 0),
    _ihdr("interlace = 1", W, H, 8, 0, 0, 0, 1),
    _ihdr("interlace = 7", W, H, 8, 0, 0, 0, 7),
    _chunks("compression = 1", lambda c: [ihdr(W, H, 8, 0, 1, 0, 0), *c[1:]], Expected.NEVER_WRONG),
    _chunks("no IDAT", lambda c: [c[0], c[-1]], Expected.REFUSED),
    _chunks("no IEND", lambda c: c[:-1], Expected.REFUSED),
    _chunks("no IHDR", lambda c: c[1:], Expected.REFUSED),
    _chunks("IHDR last", lambda c: [*c[1:], c[0]], Expected.REFUSED),
    _chunks("an empty IDAT", lambda c: [c[0], (b"IDAT", b""), c[-1]], Expected.REFUSED),
    _chunks("IEND first", lambda c: [c[0], c[-1], *c[1:]], Expected.REFUSED),
    _chunks("IDAT twice", lambda c: [c[0], c[1], c[1], c[-1]], Expected.NEVER_WRONG),
    _chunks(
        "an unknown critical chunk", lambda c: [c[0], (b"ABCD", b"x"), *c[1:]], Expected.NEVER_WRONG
    ),
    _chunks(
        "a broken EXIF block",
        lambda c: [c[0], (b"eXIf", b"MM\0*" * 9), *c[1:]],
        Expected.NEVER_WRONG,
    ),
    _chunks(
        "a broken colour profile",
        lambda c: [c[0], (b"iCCP", b"x\0\0y"), *c[1:]],
        Expected.NEVER_WRONG,
    ),
)


def _frame(says: str, offset: int, form: str, value: int, *more: object) -> Lie:
    """A field of the start-of-frame segment: precision at 4, height at 5, width at 7."""

    def tell(content: bytes) -> bytes:
        changed = bytearray(content)
        struct.pack_into(form, changed, content.index(b"\xff\xc0") + offset, value)
        return bytes(changed)

    return Lie(says, tell, *more)  # pyright: ignore[reportArgumentType]


def _without(marker: bytes) -> Callable[[bytes], bytes]:
    """Leave out a segment."""

    def tell(content: bytes) -> bytes:
        start = content.index(marker)
        (size,) = struct.unpack_from(">H", content, start + 2)
        return content[:start] + content[start + 2 + size :]

    return tell


JPEG: tuple[Lie, ...] = (
    _frame("height = 0", 5, ">H", 0),
    _frame("width = 0", 7, ">H", 0),
    _frame("height = 65500", 5, ">H", 65500, Expected.UNKNOWABLE, FILLED),
    _frame("width = 65500", 7, ">H", 65500, Expected.UNKNOWABLE, FILLED),
    _frame("height twice", 5, ">H", 2 * H, Expected.UNKNOWABLE, FILLED),
    _frame("height 8 less", 5, ">H", H - 8, Expected.UNKNOWABLE, PLAUSIBLE),
    _frame("width 1 less", 7, ">H", W - 1, Expected.UNKNOWABLE, PLAUSIBLE),
    _frame("precision = 12", 4, ">B", 12),
    _frame("precision = 0", 4, ">B", 0),
    _frame("components = 0", 9, ">B", 0),
    _frame("components = 5", 9, ">B", 5),
    _frame("sampling = 0", 11, ">B", 0),
    _frame("quantisation table = 9", 12, ">B", 9),
    _frame("arithmetic coding", 1, ">B", 0xC9, Expected.UNKNOWABLE, FILLED),
    _frame("lossless coding", 1, ">B", 0xC3),
    Lie("no quantisation table", _without(b"\xff\xdb")),
    Lie("no frame header", _without(b"\xff\xc0")),
    Lie("no scan", lambda c: c[: c.index(b"\xff\xda")] + b"\xff\xd9"),
    Lie(
        "no Huffman tables",
        lambda c: _without(b"\xff\xc4")(_without(b"\xff\xc4")(c)),
        Expected.UNKNOWABLE,
        "libjpeg takes the standard tables",
    ),
)


def _at(says: str, offset: int, form: str, value: int, *more: object) -> Lie:
    def tell(content: bytes) -> bytes:
        changed = bytearray(content)
        struct.pack_into(form, changed, offset, value)
        return bytes(changed)

    return Lie(says, tell, *more)  # pyright: ignore[reportArgumentType]


BMP: tuple[Lie, ...] = (
    _at("width = 0", 18, "<i", 0),
    _at("width = -32", 18, "<i", -W),
    _at("width = 2^31 - 1", 18, "<i", 2**31 - 1),
    _at("width tenfold", 18, "<i", 10 * W),
    _at("width half", 18, "<i", W // 2),
    _at("height = 0", 22, "<i", 0),
    _at("height = 2^31 - 1", 22, "<i", 2**31 - 1),
    _at("height = -2^31", 22, "<i", -(2**31)),
    _at("height one less", 22, "<i", H - 1),
    _at("height one more", 22, "<i", H + 1),
    _at("height = -40", 22, "<i", -H, Expected.UNKNOWABLE, "the rows may lie either way"),
    _at("depth = 0", 28, "<H", 0),
    _at("depth = 7", 28, "<H", 7),
    _at("depth = 24", 28, "<H", 24),
    _at("depth = 65535", 28, "<H", 65535),
    _at("compression = 1 (RLE)", 30, "<I", 1),
    _at("compression = 99", 30, "<I", 99),
    _at("pixels beyond the end", 10, "<I", 10**6),
    _at("pixels inside the header", 10, "<I", 14),
    _at("pixels 64 bytes later", 10, "<I", 1142),
    _at("header size = 0", 14, "<I", 0),
    _at("header size = 9999", 14, "<I", 9999),
    _at("palette = 2^32 - 1 colours", 46, "<I", 2**32 - 1),
    _at("file size = 0", 2, "<I", 0, Expected.NEVER_WRONG),
    _at("planes = 9", 26, "<H", 9, Expected.NEVER_WRONG),
)


def _tag(says: str, tag: int, value: int, *more: object) -> Lie:
    """The value of an entry of the first directory; little-endian, one value."""

    def tell(content: bytes) -> bytes:
        return with_tag(content, tag, value)

    return Lie(says, tell, *more)  # pyright: ignore[reportArgumentType]


def with_tag(content: bytes, tag: int, value: int) -> bytes:
    """A little-endian TIFF with another value for a tag of its first directory."""
    changed = bytearray(content)
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", content, entry)[0] == tag:
            struct.pack_into("<HII", changed, entry + 2, 4, 1, value)
            return bytes(changed)
    raise ValueError(f"the file has no tag {tag}")


def _looped(content: bytes) -> bytes:
    """Make the first directory its own successor."""
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    place = start + 2 + 12 * count
    return content[:place] + struct.pack("<I", start) + content[place + 4 :]


TIFF: tuple[Lie, ...] = (
    *(_tag(f"ImageWidth = {n}", 256, n) for n in (0, 10 * W, W + 1, 2**31 - 1, 2**32 - 1)),
    *(_tag(f"ImageLength = {n}", 257, n) for n in (0, 10 * H, H + 1, 2**31 - 1)),
    *(_tag(f"ImageWidth = {n}", 256, n) for n in (W // 2, W - 1)),
    *(_tag(f"ImageLength = {n}", 257, n) for n in (H // 2, H - 1)),
    *(_tag(f"BitsPerSample = {n}", 258, n) for n in (0, 7, 8, 32, 64, 65535)),
    *(_tag(f"Compression = {n}", 259, n) for n in (5, 7, 34712, 65000)),
    _tag("Photometric = 99", 262, 99, Expected.NEVER_WRONG),
    _tag("Photometric = palette without one", 262, 3),
    *(_tag(f"StripOffsets = {n}", 273, n) for n in (10**6, 2**32 - 1)),
    *(_tag(f"SamplesPerPixel = {n}", 277, n) for n in (3, 60000)),
    _tag("SamplesPerPixel = 0", 277, 0, Expected.NEVER_WRONG),
    *(_tag(f"RowsPerStrip = {n}", 278, n, Expected.NEVER_WRONG) for n in (0, 1, 2**32 - 1)),
    *(_tag(f"StripByteCounts = {n}", 279, n) for n in (0, 7, 10**6, 2**32 - 1)),
    Lie("the next directory is the first", _looped, Expected.NEVER_WRONG),
    Lie("the directory lies beyond the end", lambda c: c[:4] + struct.pack("<I", 10**6) + c[8:]),
    Lie("there is no directory", lambda c: c[:4] + struct.pack("<I", 0) + c[8:]),
    Lie("the directory is in the pixels", lambda c: c[:4] + struct.pack("<I", len(c) // 2) + c[8:]),
    Lie("byte order exchanged", lambda c: b"MM" + c[2:]),
)
PLAIN_TIFF = (*TIFF, _tag("Compression = deflate", 259, 8))
DEFLATED_TIFF = (*TIFF, _tag("Compression = none", 259, 1))
