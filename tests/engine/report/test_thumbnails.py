"""Thumbnails keep to their budget, and are as large as it allows."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from medsegdiff.engine.report.thumbnails import byte_budget, side_by_side, thumbnail


def noise(side: int) -> list[Image.Image]:
    """Two pictures that compress badly."""
    draws = np.random.default_rng(0).integers(0, 255, (2, side, side // 2, 3), dtype=np.uint8)
    return [Image.fromarray(one) for one in draws]


@pytest.mark.parametrize("budget", [4_000, 20_000])
def test_even_noise_keeps_to_the_budget(budget: int):
    uri, width, height = thumbnail(noise, 2, budget)
    content = base64.b64decode(uri.partition(",")[2])
    assert len(content) <= budget
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == (width, height)


def test_more_studies_have_smaller_pictures():
    assert byte_budget(1) > byte_budget(400) > byte_budget(1400)
    assert thumbnail(noise, 2, 40_000)[1] > thumbnail(noise, 2, 10_000)[1]


def test_pictures_stand_side_by_side():
    row = side_by_side([Image.new("RGB", (30, 20), "red"), Image.new("RGB", (10, 40), "blue")])
    assert row.size == (44, 40)
    assert row.getpixel((15, 20)) == (255, 0, 0)
    assert row.getpixel((39, 0)) == (0, 0, 255)
