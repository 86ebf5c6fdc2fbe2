"""Frames in the order in which they lie in the patient, and the grid that they make up.

The order comes from the positions alone, never from file names or instance numbers. A series with
a tilted gantry is exact: the step from slice to slice is not at right angles to the slices, and the
affine says so. What is not a regular grid is refused.

Source: DICOM PS3.3, C.7.6.2.1.1 (equation C.7.6.2.1-1).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from medsegdiff.data.dicom.frames import Frame
from medsegdiff.data.geometry import LPS_TO_RAS
from medsegdiff.errors import UnreadableStudy
from medsegdiff.types import Geometry

REGULAR_WITHIN_MM = 0.01  # rounding of the text in which positions are stored
REGULAR_WITHIN = 0.01  # or this share of the distance between slices, whichever is larger
SAME_WITHIN = 1e-4  # direction cosines, and pixel sizes relative to each other


def stacked(
    frames: Sequence[Frame], plane: tuple[int, int], path: Path
) -> tuple[list[Frame], Geometry]:
    """Sort the frames of one series and say where their grid lies.

    Args:
        frames: all of the series, in any order.
        plane: rows and columns of each.
        path: for errors, the series as the user knows it.

    Returns:
        The frames in the order of their slices, and the geometry: (H, W) for a single frame, else
        (D, H, W), D in the direction of the normal. Frames of one file that have no place in the
        patient (ultrasound, angiography) stay in their order, without an affine.

    Raises:
        UnreadableStudy: the frames are not one regular grid.
    """
    if len(frames) == 1:
        return list(frames), Geometry(plane, frames[0].spacing)
    if any(frame.axes is None or frame.spacing is None for frame in frames):
        _check_one_file(frames, path)
        return list(frames), Geometry((len(frames), *plane))
    _check_parallel(frames, path)
    normal = frames[0].normal
    ordered = sorted(frames, key=lambda frame: float(frame.position @ normal))
    positions = np.array([frame.position for frame in ordered])
    _check_spacing(positions @ normal, path)
    step = (positions[-1] - positions[0]) / (len(ordered) - 1)
    _check_straight(positions, step, path)
    return ordered, grid(ordered[0], step, (len(ordered), *plane))


def grid(first: Frame, step: np.ndarray, shape: tuple[int, int, int]) -> Geometry:
    """The geometry of equal slices.

    Args:
        first: the slice of index 0, with place and spacing.
        step: from one slice to the next, LPS in mm, shape (3,).
        shape: (D, H, W).
    """
    affine = LPS_TO_RAS @ plane_matrix(first, step)
    assert first.spacing is not None
    spacing = (float(np.linalg.norm(step)), *first.spacing)
    return Geometry(shape, spacing, torch.from_numpy(affine))


def plane_matrix(frame: Frame, step: np.ndarray) -> np.ndarray:
    """From (slice, row, column) to LPS coordinates in mm, slice 0 being the frame; shape (4, 4)."""
    assert frame.axes is not None
    assert frame.spacing is not None
    matrix = np.eye(4)
    matrix[:3, 0] = step
    matrix[:3, 1:3] = frame.axes.T * frame.spacing
    matrix[:3, 3] = frame.position
    return matrix


def _check_one_file(frames: Sequence[Frame], path: Path) -> None:
    placed = sum(frame.axes is not None for frame in frames)
    if len({frame.file for frame in frames}) > 1 or 0 < placed < len(frames):
        raise UnreadableStudy(
            f"{path} holds {len(frames)} pictures that do not all say where they lie in the "
            "patient (ImagePositionPatient, ImageOrientationPatient, PixelSpacing), so they make "
            "up no volume. Give the files one by one, or export the series again."
        )


def _check_parallel(frames: Sequence[Frame], path: Path) -> None:
    axes = np.array([frame.axes for frame in frames])
    if np.abs(axes - axes[0]).max() > SAME_WITHIN:
        raise UnreadableStudy(
            f"{path} holds slices that are not parallel (a localiser, or several planes in one "
            "series). Put the slices of one orientation into a folder of their own."
        )
    sizes = np.array([frame.spacing for frame in frames])
    if np.abs(sizes / sizes[0] - 1).max() > SAME_WITHIN:
        raise UnreadableStudy(
            f"{path} holds slices with pixels of {sizes.min():.4g} to {sizes.max():.4g} mm. Put "
            "the slices with one pixel size into a folder of their own."
        )


def _check_spacing(heights: np.ndarray, path: Path) -> None:
    """Refuse copies of a slice, missing slices and irregular distances; heights are sorted, mm."""
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    allowed = max(REGULAR_WITHIN_MM, REGULAR_WITHIN * usual)
    if gaps.min() <= REGULAR_WITHIN_MM:
        raise UnreadableStudy(
            f"{path} holds {len(heights)} slices at only {1 + int((gaps > allowed).sum())} "
            "positions: copies of slices, or several volumes in one series (time points, echoes). "
            "Keep the slices of one volume."
        )
    missing = np.rint(gaps / usual).astype(int) - 1
    if missing.max() > 0 and np.abs(gaps - (missing + 1) * usual).max() <= allowed:
        gap = int(missing.argmax())
        raise UnreadableStudy(
            f"{path} lacks {missing.sum()} slice(s): after slice {gap + 1} of {len(heights)} (in "
            f"order of position) there is a gap of {gaps[gap]:.4g} mm, elsewhere {usual:.4g} mm. "
            "Export the series again with all of its slices."
        )
    if np.abs(gaps - usual).max() > allowed:
        raise UnreadableStudy(
            f"{path} has slices at irregular distances of {gaps.min():.4g} to {gaps.max():.4g} mm. "
            "Only slices at equal distances make up a volume: export them so, or resample them."
        )


def _check_straight(positions: np.ndarray, step: np.ndarray, path: Path) -> None:
    regular = positions[0] + np.arange(len(positions))[:, None] * step
    worst = float(np.linalg.norm(positions - regular, axis=1).max())
    if worst > max(REGULAR_WITHIN_MM, REGULAR_WITHIN * float(np.linalg.norm(step))):
        raise UnreadableStudy(
            f"{path} has slices that do not lie on one regular grid: they are off by up to "
            f"{worst:.4g} mm. Export the series with equal distances and without shifts."
        )
