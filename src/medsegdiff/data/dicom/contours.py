"""Closed outlines made into masks: a voxel belongs when its centre lies inside (even-odd rule)."""

from __future__ import annotations

import numpy as np


def crossings(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Count, for each voxel, the crossings of one outline that lie between it and the one before.

    Summed along a row and taken modulo 2, the counts of all outlines of a slice say which centres
    lie inside: a hole, or the inner of two nested outlines, is left out. An edge owns its upper end
    and not its lower one, and a centre exactly on a left edge is inside, so outlines that share an
    edge neither overlap nor leave a gap.

    Args:
        polygon: corners as (row, column), in voxels, centres at whole numbers; shape (N, 2).
        shape: rows and columns of the slice.

    Returns:
        Shape (rows, columns), int32.

    Source: the scanline test of Shimrat 1962, "Algorithm 112: position of point relative to
    polygon".
    """
    counts = np.zeros((shape[0], shape[1] + 1), dtype=np.int32)
    for (row, column), (row_2, column_2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        top, bottom = sorted((row, row_2))
        rows = np.arange(max(0, np.ceil(top)), min(shape[0], np.ceil(bottom)), dtype=int)
        if len(rows):
            at = column + (rows - row) * (column_2 - column) / (row_2 - row)
            counts[rows, np.clip(np.ceil(at), 0, shape[1]).astype(int)] += 1
    return counts[:, :-1]


def inside(counts: np.ndarray) -> np.ndarray:
    """Which centres lie inside, from the summed crossings of a slice's outlines; (H, W), bool."""
    return np.cumsum(counts, axis=1) % 2 == 1
