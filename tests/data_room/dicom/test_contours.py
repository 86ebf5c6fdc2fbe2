from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from medsegdiff.data.dicom.contours import crossings, inside

SHAPE = (20, 24)


def angle_sum(polygon: np.ndarray, row: int, column: int) -> float:
    """How often an outline runs round a point, by the sum of the angles."""
    offset = (polygon[:, 0] - row) + 1j * (polygon[:, 1] - column)
    return float(np.angle(np.roll(offset, -1) / offset).sum() / (2 * np.pi))


@given(st.integers(0, 10_000))
def test_centres_inside_are_those_that_the_outline_runs_round(seed: int) -> None:
    polygon = np.random.default_rng(seed).uniform(-3, 25, (7, 2))  # crosses itself, leaves the grid
    winding = [[round(angle_sum(polygon, h, w)) for w in range(24)] for h in range(20)]
    assert np.array_equal(inside(crossings(polygon, SHAPE)), np.array(winding) % 2 == 1)


def test_a_fine_picture_says_the_same() -> None:
    polygon = np.random.default_rng(3).uniform(2, 18, (5, 2))
    fine = Image.new("1", (24 * 50, 20 * 50))
    corners = [((w + 0.5) * 50, (h + 0.5) * 50) for h, w in polygon]
    ImageDraw.Draw(fine).polygon(corners, fill=1)
    share = np.asarray(fine).reshape(20, 50, 24, 50).mean((1, 3))
    found = inside(crossings(polygon, SHAPE))
    assert found[share == 1].all()
    assert not found[share == 0].any()
