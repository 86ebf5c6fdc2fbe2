"""Laying the frames of a segmentation over the grid of an image, voxel on voxel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsegdiff.data.dicom.frames import Frame
from medsegdiff.data.dicom.stack import grid, plane_matrix
from medsegdiff.data.geometry import LPS_TO_RAS
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

    def window(
        self, grid: np.ndarray, frame: np.ndarray, path: Path
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lay a frame over a grid.

        Args:
            grid: values of the voxels, shape (D, H, W).
            frame: values of the frame, shape (rows, columns).
            path: for errors.

        Returns:
            The part of the grid that the frame covers, a view in the frame's orientation, and the
            part of the frame that it is, both of one shape.

        Raises:
            GridMismatch: the frame marks voxels outside of the grid.
        """
        axes = np.abs(self.steps).argmax(axis=1).tolist()  # along which rows, columns are counted
        fixed = 3 - sum(axes)
        start, steps = self.start.tolist(), self.steps.tolist()
        rows, columns = (
            _within(start[axis], steps[i][axis], frame.shape[i], grid.shape[axis])
            for i, axis in enumerate(axes)
        )
        is_inside = 0 <= start[fixed] < grid.shape[fixed]
        part = frame[rows[0], columns[0]] if is_inside else frame[:0]
        if np.count_nonzero(part) != np.count_nonzero(frame):
            raise GridMismatch(
                f"{path} marks voxels outside of its image of "
                f"{' x '.join(map(str, grid.shape))} voxels. Give the image series that it was "
                "drawn on."
            )
        if not part.size:
            return grid[:0, :0, 0], frame[:0, :0]
        place: list[slice | int] = [0, 0, 0]
        place[axes[0]], place[axes[1]], place[fixed] = rows[1], columns[1], start[fixed]
        view = grid[tuple(place)]
        return (view if axes[0] < axes[1] else view.T), part


def _within(start: int, step: int, count: int, size: int) -> tuple[slice, slice]:
    """Which of a frame's lines lie within a grid, and at which indices of its axis of this size."""
    first, last = (-start, size - start) if step > 0 else (start - size + 1, start + 1)
    first, last = max(first, 0), max(0, min(last, count))
    stop = start + step * last
    return slice(first, last), slice(start + step * first, stop if stop >= 0 else None, step)


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
    axes = np.abs(lines.steps)
    if worst > ON_GRID_WITHIN or (axes.sum(axis=1) != 1).any() or (axes.sum(axis=0) > 1).any():
        raise GridMismatch(
            f"{path} has a frame that does not lie on the voxels of its image: it is off by "
            f"{worst:.3g} voxels, or its voxels have another size. Give the image series that it "
            "was drawn on."
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
