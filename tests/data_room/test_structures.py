from __future__ import annotations

import pytest
import torch

from medsegdiff.data.structures import Structure, report_thin, structures


@pytest.mark.parametrize("width", [2, 4, 8, 16])
def test_the_width_of_a_long_band_is_exact(width: int) -> None:
    labels = torch.zeros(60, 400, dtype=torch.int64)
    labels[20 : 20 + width] = 1
    (band,) = structures(labels)
    assert band.width == pytest.approx(width, rel=0.05)
    assert band.area == width * 400


def test_structures_are_told_apart_by_place_and_class() -> None:
    labels = torch.zeros(20, 20, dtype=torch.int64)
    labels[1:5, 1:5] = labels[10:14, 10:14] = 1
    labels[1:5, 5:9] = 3
    labels[18, 18] = 1  # a speck
    assert sorted((one.label, one.area) for one in structures(labels)) == [
        (1, 16),
        (1, 16),
        (3, 16),
    ]
    assert structures(torch.zeros(9, 9, dtype=torch.int64)) == []


def test_thin_structures_are_reported_with_a_size_that_keeps_them() -> None:
    names = ("background", "vessel", "disc")
    measured = [(0.25, Structure(1, 500, 6.0)), (0.25, Structure(2, 900, 60.0))]
    (sentence,) = report_thin(measured, names, side=128)
    assert "vessel" in sentence
    assert "a side of 352 would" in sentence  # 128 x 4 / 1.5, in multiples of 16
