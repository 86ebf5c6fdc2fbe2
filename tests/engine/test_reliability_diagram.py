"""The picture of calibration: its bars stand where they should."""

from __future__ import annotations

import torch
from PIL import Image

from medsegdiff.engine.reliability_diagram import (
    FREQUENCY_COLOUR,
    MARGIN,
    SIDE,
    reliability_diagram,
    write_reliability,
)
from medsegdiff.metrics import CalibrationError, CalibrationResult


def calibration(probability: float, labels: torch.Tensor) -> CalibrationResult:
    error = CalibrationError()
    error.add(torch.full((1, *labels.shape), probability), labels)
    return error.result()


def test_a_bar_is_as_high_as_the_frequency():
    labels = torch.zeros(20, 20, dtype=torch.long)
    labels[:10] = 1
    picture = reliability_diagram(calibration(0.5, labels))
    column = MARGIN + round((SIDE - 12 - MARGIN) * (0.5 - 1 / 60))  # half a bar left of the middle
    blue = [row for row in range(SIDE) if picture.getpixel((column, row)) == FREQUENCY_COLOUR]
    height = SIDE - 2 * MARGIN
    assert abs(min(blue) - (SIDE - MARGIN - height / 2)) <= 2
    assert max(blue) >= SIDE - MARGIN - 3


def test_nothing_near_a_structure_is_drawn_too():
    picture = reliability_diagram(calibration(0.1, torch.zeros(8, 8, dtype=torch.long)))
    assert picture.size == (2 * SIDE, SIDE)


def test_it_is_written(tmp_path):
    write_reliability(tmp_path / "a" / "r.png", calibration(0.5, torch.ones(8, 8).long()))
    with Image.open(tmp_path / "a" / "r.png") as picture:
        assert picture.size == (2 * SIDE, SIDE)
