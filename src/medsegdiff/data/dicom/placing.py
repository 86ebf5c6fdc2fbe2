"""Laying the frames of a segmentation over the grid of an image, voxel on voxel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsegdiff.data.dicom.frames import Frame
from medsegdiff.data.dicom.stack import LPS_TO_RAS, grid, plane_matrix
from medsegdiff.errors import GridMismatch, UnreadableStudy
from medsegdiff.types import Geometry

ON_GRID_WITHIN = 0.05  # of a voxel, at the corners of a frame; positions are text, and rounded
SAME_PLACE_MM = 0.01


@dataclass(frozen=True)
class Lines:
    """Where the rows and columns of a frame lie on a grid.

    Args:
        start: index of the frame's first voxel, shape (3,), integers.
        steps: change of the index from row to row and from column to column, shape (2, 3); one
            axis each, forwards or backwards.
    """

    start: np.ndarray
    steps: np.ndarray

    def voxels(
        self, mask: np.ndarray, shape: tuple[int, ...], path: Path
    ) -> tuple[np.ndarray, ...]:
        """Grid indices of the voxels that are set in a frame's mask, (rows, columns).

        Raises:
            GridMismatch: some lie outside of the grid.
        """
        index = self.start[:, None] + self.steps.T @ np.array(np.nonzero(mask))  # (3, voxels)
        if ((index < 0) | (index >= np.array(shape)[:, None])).any():
            raise GridMismatch(
                f"{path} marks voxels outside of its image of {' x '.join(map(str, shape))} "
                "voxels. Give the image series that it was drawn on."
            )
        return tuple(index)


def lines_on(frame: Frame, plane: tuple[int, int], like: Geometry, path: Path) -> Lines:
    """Find the voxels of a grid that a frame covers.

    Args:
        frame: with its place in the patient.
        plane: its rows and columns.
        like: a volume with an affine.
        path: for errors.

    Raises:
        GridMismatch: the frame's voxels are not voxels of the grid.
    """
    assert like.affine is not None
    to_patient = LPS_TO_RAS @ plane_matrix(frame, frame.normal)
    to_index = (np.linalg.inv(like.affine.numpy()) @ to_patient)[:3]  # of (0, row, column, 1)
    lines = Lines(np.rint(to_index[:, 3]).astype(int), np.rint(to_index[:, 1:3].T).astype(int))
    off = to_index[:, 1:] - np.column_stack([lines.steps.T, lines.start])
    corners = [off @ (row, column, 1) for row in (0, plane[0] - 1) for column in (0, plane[1] - 1)]
    worst = float(np.abs(corners).max())
    if worst > ON_GRID_WITHIN:
        raise GridMismatch(
            f"{path} has a frame that does not lie on the voxels of its image: it is off by "
            f"{worst:.3g} voxels. Give the image series that it was drawn on."
        )
    return lines


def own_grid(frames: Sequence[Frame], plane: tuple[int, int], path: Path) -> Geometry:
    """The smallest grid that has all frames; empty slices between them may have been left out.

    Returns:
        (H, W) where all frames lie at one place, else (D, H, W).

    Raises:
        UnreadableStudy: the frames do not lie on one regular grid.
    """
    if any(frame.axes is None or frame.spacing is None for frame in frames):
        return Geometry(plane)
    ordered = sorted(frames, key=lambda frame: frame.height)
    heights = np.array([frame.height for frame in ordered])
    gaps = np.diff(heights)
    gaps = gaps[gaps > SAME_PLACE_MM]
    if len(gaps) == 0:
        return Geometry(plane, frames[0].spacing)
    steps = np.rint(gaps / gaps.min())
    if np.abs(gaps / gaps.min() - steps).max() > ON_GRID_WITHIN:
        raise UnreadableStudy(
            f"{path} has frames at irregular distances. Read it together with its image series."
        )
    count = int(steps.sum())
    first, last = ordered[0].position, ordered[-1].position
    assert first is not None
    assert last is not None
    return grid(ordered[0], (last - first) / count, (count + 1, *plane))
