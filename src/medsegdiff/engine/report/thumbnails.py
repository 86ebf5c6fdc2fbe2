"""Thumbnails: the pictures of a study side by side, as a JPEG of few bytes inside of the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence

from PIL import Image

ALL_BYTES = 6_000_000  # of all thumbnails together; a third more as text
MOST_BYTES, FEWEST_BYTES = 48_000, 4_000  # of one
SIDES = (320, 256, 208, 176, 144, 120, 100, 84, 72, 60, 48, 32)  # longer side of a picture, pixels
BYTES_A_PIXEL = 0.25  # at the quality below; where to begin
QUALITY, GAP = 74, 4
PAPER = (128, 128, 128)  # between the pictures: calm on light and on dark pages

Tiles = Callable[[int], Sequence[Image.Image]]  # pictures of a longer side in pixels


def byte_budget(studies: int) -> int:
    """How many bytes the thumbnail of each study may take."""
    return max(FEWEST_BYTES, min(MOST_BYTES, ALL_BYTES // max(studies, 1)))


def most_pictured() -> int:
    """How many studies can have a thumbnail."""
    return ALL_BYTES // FEWEST_BYTES


def thumbnail(tiles: Tiles, count: int, budget: int) -> tuple[str, int, int]:
    """The largest picture that keeps to its budget.

    Args:
        tiles: draws the pictures of a study at a given size.
        count: of these.
        budget: bytes it may take.

    Returns:
        Its data URI, width and height.
    """
    sides = [side for side in SIDES if count * side**2 * BYTES_A_PIXEL / 2 <= budget]
    encoded, size = b"", (0, 0)
    for side in sides or SIDES[-1:]:
        joined = side_by_side(tiles(side))
        encoded, size = as_jpeg(joined), joined.size
        if len(encoded) <= budget:
            break
    return as_uri(encoded), *size


def side_by_side(tiles: Sequence[Image.Image]) -> Image.Image:
    """Pictures of one height in a row."""
    height = max(tile.height for tile in tiles)
    width = sum(tile.width for tile in tiles) + GAP * (len(tiles) - 1)
    row = Image.new("RGB", (width, height), PAPER)
    left = 0
    for tile in tiles:
        row.paste(tile, (left, (height - tile.height) // 2))
        left += tile.width + GAP
    return row


def as_jpeg(picture: Image.Image, quality: int = QUALITY) -> bytes:
    """A JPEG that keeps thin coloured outlines sharp."""
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def as_uri(jpeg: bytes) -> str:
    """The picture as an address that holds all of it."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
