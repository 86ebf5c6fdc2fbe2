from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.data.dicom.placing import Lines
from medsegdiff.errors import GridMismatch

FRAME = np.arange(1, 13).reshape(3, 4)
SHAPE = (5, 6, 7)


@given(
    st.sampled_from(list(permutations(range(3), 2))),
    st.tuples(st.sampled_from([-1, 1]), st.sampled_from([-1, 1])),
    st.tuples(*(st.integers(-2, size) for size in SHAPE)),
)
def test_a_frame_covers_the_voxels_that_its_lines_reach(
    axes: tuple[int, int], signs: tuple[int, int], start: tuple[int, int, int]
) -> None:
    steps = np.zeros((2, 3), int)
    steps[0, axes[0]], steps[1, axes[1]] = signs
    index = np.array(start) + np.indices((3, 4)).transpose(1, 2, 0) @ steps  # (rows, columns, 3)
    inside = ((index >= 0) & (index < SHAPE)).all(-1)
    expected, grid = np.zeros(SHAPE, int), np.zeros(SHAPE, int)
    expected[tuple(index[inside].T)] = FRAME[inside]
    view, part = Lines(np.array(start), steps).window(grid, FRAME * inside, Path("seg.dcm"))
    view[:] = part
    assert np.array_equal(grid, expected)


def test_a_mark_outside_of_the_grid_is_refused() -> None:
    lines = Lines(np.array([0, 0, 4]), np.eye(3, dtype=int)[1:])
    with pytest.raises(GridMismatch, match="outside of its image of 5 x 6 x 7"):
        lines.window(np.zeros(SHAPE, int), FRAME, Path("seg.dcm"))
