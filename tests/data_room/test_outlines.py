from __future__ import annotations

import numpy as np

from medsegdiff.data.outlines import filled, traced

TRIANGLE = np.array([(2.0, 1.0), (8.0, 1.0), (2.0, 7.0)])


def test_pixels_whose_centres_lie_inside_are_filled() -> None:
    mask = filled(TRIANGLE, (9, 10))
    rows, columns = np.indices((9, 10))
    inner = (columns > 2) & (rows > 1) & (columns - 2 + rows - 1 < 6)
    assert mask[inner].all()
    assert not mask[(columns < 2) | (rows < 1) | (columns - 2 + rows - 1 > 6)].any()


def test_a_closed_line_is_traced() -> None:
    line = traced(np.array([(2, 1), (6, 1), (6, 4), (2, 4)]), (6, 8))
    expected = np.zeros((6, 8), dtype=bool)
    expected[1:5, 2:7] = True
    expected[2:4, 3:6] = False
    assert (line == expected).all()
