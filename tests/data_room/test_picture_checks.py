from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from damage.lies_picture import chunks_of, ihdr, png_of
from PIL import Image

from medsegdiff.data.picture_checks import check_complete

NOISE = np.random.default_rng(0).integers(0, 256, (21, 30, 3), dtype=np.uint8)


def saved(kind: str, values: np.ndarray = NOISE, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, format=kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P"])
def test_whole_pictures_pass(kind: str, mode: str):
    if (kind, mode) != ("JPEG", "P"):
        stream = io.BytesIO()
        Image.fromarray(NOISE).convert(mode).save(stream, format=kind)
        check_complete(stream.getvalue(), kind)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_every_place_to_stop_is_found(kind: str):
    content = saved(kind, NOISE[:9, :9])
    for stop in range(60, len(content)):
        with pytest.raises(ValueError, match=r"early|checksum|mark|declares"):
            check_complete(content[:stop], kind)


@pytest.mark.parametrize("height", [1, 20, 22, 2000])
def test_a_png_of_another_height_than_its_pixels_is_found(height: int):
    chunks = chunks_of(saved("PNG"))
    lying = png_of([ihdr(30, height, 8, 2, 0, 0, 0), *chunks[1:]])
    with pytest.raises(ValueError, match="than it declares"):
        check_complete(lying, "PNG")


def test_an_interlaced_png_has_seven_passes():
    sides = [(3, 4), (3, 4), (3, 8), (6, 7), (5, 15), (11, 15), (10, 30)]  # of 21 x 30, by hand
    size = sum(h * (1 + 3 * w) for h, w in sides)
    chunks = [ihdr(30, 21, 8, 2, 0, 0, 1), (b"IDAT", zlib.compress(bytes(size))), (b"IEND", b"")]
    check_complete(png_of(chunks), "PNG")
    assert Image.open(io.BytesIO(png_of(chunks))).convert("RGB").getextrema() == ((0, 0),) * 3


def test_pixels_in_many_small_chunks_are_counted_together():
    header, (_, data), end = chunks_of(saved("PNG"))
    parts = [(b"IDAT", data[a : a + 7]) for a in range(0, len(data), 7)]
    check_complete(png_of([header, *parts, end]), "PNG")


def test_what_lies_behind_the_end_of_a_png_does_not_matter():
    check_complete(saved("PNG") + b"junk", "PNG")


@pytest.mark.parametrize(("offset", "value"), [(18, 15), (22, 20), (10, 14)])
def test_a_bmp_whose_header_says_less_is_found(offset: int, value: int):
    content = bytearray(saved("BMP"))
    struct.pack_into("<i", content, offset, value)
    with pytest.raises(ValueError, match=r"declares|inside its header"):
        check_complete(bytes(content), "BMP")


def test_a_bmp_without_a_declared_size_or_with_padding_passes():
    content = bytearray(saved("BMP")) + b"\0\0"
    for declared in (0, 21 * 92, 21 * 92 + 2):
        struct.pack_into("<I", content, 34, declared)
        check_complete(bytes(content), "BMP")
