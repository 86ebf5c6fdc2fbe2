"""Sound pictures: grey, small, without symmetry."""

from __future__ import annotations

import io

import numpy as np
import tifffile
from PIL import Image

from damage.study import ENTROPY, NO_CHECKSUM, PLAIN_HEADER, Span, Study, Truth, single

PICTURE = (40, 32)  # H, W


def picture_values() -> np.ndarray:
    """Grey values of a picture, (H, W), uint8: noise round a shape without symmetry."""
    values = np.random.default_rng(1).integers(1, 120, PICTURE, dtype=np.uint8)
    values[5:17, 4:9] += 100
    values[12:17, 4:25] += 30
    return values


def _saved(**options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture_values()).save(stream, **options)
    return stream.getvalue()


def _picture_truth(content: bytes) -> Truth:
    values = np.asarray(Image.open(io.BytesIO(content)))
    return Truth(values[None].astype(np.float32))


def png() -> Study:
    """8-bit grey; a CRC-32 over every chunk."""
    content = _saved(format="PNG")
    return single("png", ".png", content, _picture_truth(content), Span("chunk", 0, len(content)))


def jpeg() -> Study:
    """Baseline grey."""
    content = _saved(format="JPEG", quality=95)
    scan = content.index(b"\xff\xda") + 10
    return single(
        "jpg",
        ".jpg",
        content,
        _picture_truth(content),
        Span("header", 0, scan, ENTROPY),
        Span("entropy-coded data", scan, len(content) - 2, ENTROPY),
        Span("end mark", len(content) - 2, len(content), ENTROPY),
    )


def bmp() -> Study:
    """A grey palette, uncompressed."""
    content = _saved(format="BMP")
    start = int.from_bytes(content[10:14], "little")
    return single(
        "bmp",
        ".bmp",
        content,
        _picture_truth(content),
        Span("header", 0, 54, PLAIN_HEADER),
        Span("palette", 54, start, NO_CHECKSUM),
        Span("pixels", start, len(content), NO_CHECKSUM),
    )


def tiff(compression: str | None = None) -> Study:
    """One strip of 16 bits, uncompressed or deflated (Adler-32 at the end of the strip)."""
    stream = io.BytesIO()
    values = picture_values().astype(np.uint16) * 100
    tifffile.imwrite(stream, values, compression=compression, metadata=None)
    content = stream.getvalue()
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        start, count = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    reason = "" if compression else NO_CHECKSUM
    return single(
        "tif (deflate)" if compression else "tif",
        ".tif",
        content,
        Truth(values[None].astype(np.float32)),
        Span("header", 0, start, PLAIN_HEADER),
        Span("pixels", start, start + count, reason),
    )
