"""Grids in millimetres: from an affine to a `Geometry`, and how two grids differ, in words."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch

from medsegdiff.data.orientation import orientation_of
from medsegdiff.types import Geometry

SAME_WITHIN = 0.1  # of a voxel, at the corners; headers round to float32 or to a few decimals
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # ITK and DICOM to NIfTI
DIGITS = 7  # of a spacing; what lies below is rounding of float32


def geometry_of_affine(shape: tuple[int, ...], affine: np.ndarray) -> Geometry:
    """The grid of a volume that NIfTI or ITK describe.

    Args:
        shape: (D, H, W).
        affine: from the voxel index (x, y, z) to RAS+ in mm, shape (4, 4).

    Raises:
        ValueError: the affine is not finite, or singular.
    """
    if not np.isfinite(affine).all():
        raise ValueError("its affine holds numbers that are not finite")
    spacing = spacing_of_affine(affine)
    if min(spacing) <= 0 or abs(np.linalg.det(affine[:3, :3])) < 1e-6 * np.prod(spacing):
        raise ValueError("its affine is singular: two axes point the same way, or one has no size")
    ours = np.ascontiguousarray(affine[:, [2, 1, 0, 3]], dtype=np.float64)
    return Geometry(shape, spacing[::-1], torch.from_numpy(ours))


def geometry_of_lps(shape: tuple[int, ...], steps: np.ndarray, origin: np.ndarray) -> Geometry:
    """The grid of a volume in the coordinates of ITK and DICOM.

    Args:
        shape: (D, H, W).
        steps: from one voxel to the next along x, y, z, in the columns, LPS+ in mm, shape (3, 3).
        origin: centre of the first voxel, likewise, shape (3,).

    Raises:
        ValueError: they are not finite, or the axes singular.
    """
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = steps, origin
    affine[:2] *= -1  # LPS to RAS; a product with infinite numbers would warn
    return geometry_of_affine(shape, affine)


def lps_parts(affine: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What ITK makes of an affine from (x, y, z) to RAS+.

    Returns:
        Directions of the axes in the columns (3, 3), spacing (3,) and origin (3,), LPS+ in mm.
    """
    lps = LPS_TO_RAS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    return lps[:3, :3] / spacing, spacing, lps[:3, 3]


def affine_xyz(geometry: Geometry) -> np.ndarray:
    """From the voxel index (x, y, z) to RAS+ in mm, shape (4, 4), as NIfTI has it.

    A volume without an affine gets the one that ITK assumes: axes along left, posterior, superior.
    """
    if geometry.affine is not None:
        return geometry.affine.numpy()[:, [2, 1, 0, 3]]
    spacing = geometry.spacing_mm or (1.0,) * geometry.space_dims
    sizes = [*reversed(spacing), 1.0, 1.0][:3]
    return LPS_TO_RAS @ np.diag([*sizes, 1.0])


def spacing_of_affine(affine: np.ndarray) -> tuple[float, ...]:
    """Size of a voxel in mm along each axis, in the order of the affine's columns, shape (4, 4)."""
    return tuple(float(f"{size:.{DIGITS}g}") for size in np.linalg.norm(affine[:3, :3], axis=0))


def same_grid(a: Geometry, b: Geometry) -> str | None:
    """Compare two grids.

    Returns:
        None if they are equal: their voxels coincide to a tenth of a voxel. Else what differs, as
        "origins are 3.2 mm apart; spacing 1 x 1 x 2 mm against 1 x 1 x 1 mm". Where a file says
        nothing about place or size, only what both say is compared.
    """
    if a.shape != b.shape:
        return f"{_sides(a.shape)} voxels against {_sides(b.shape)}"
    if a.affine is None or b.affine is None:
        return _different_spacing(a, b)
    one, other = affine_xyz(a), affine_xyz(b)
    distance = _largest_distance(one, other, a.shape)
    if distance <= SAME_WITHIN * min(a.spacing_mm or spacing_of_affine(one)):
        return None
    origins = float(np.linalg.norm(one[:3, 3] - other[:3, 3]))
    said = [
        _different_spacing(a, b),
        _different_directions(a, b),
        f"origins are {origins:.2g} mm apart" if origins >= distance / 10 else None,
    ]
    found = [text for text in said if text is not None]
    return "; ".join(found) or f"voxels lie up to {distance:.2g} mm apart"


def _different_spacing(a: Geometry, b: Geometry) -> str | None:
    if a.spacing_mm is None or b.spacing_mm is None:
        return None
    one, other = np.array(a.spacing_mm), np.array(b.spacing_mm)
    drift = np.abs(one - other) * np.maximum(np.array(a.shape) - 1, 1)
    if (drift <= SAME_WITHIN * np.minimum(one, other)).all():
        return None
    return f"spacing {_sides(a.spacing_mm)} mm against {_sides(b.spacing_mm)} mm"


def _different_directions(a: Geometry, b: Geometry) -> str | None:
    """Axes exchanged or mirrored, or else the angle between them."""
    one, other = (torch.from_numpy(affine_xyz(grid)) for grid in (a, b))
    runs, others = orientation_of(one), orientation_of(other)
    if runs != others:
        return f"axes x, y, z run to {runs} against {others}"
    first, second = (_directions(affine.numpy()) for affine in (one, other))
    angle = np.degrees(np.arccos(np.clip((first * second).sum(axis=0), -1, 1))).max()
    return f"rotated by {angle:.2g} degrees" if angle >= 0.01 else None


def _directions(affine: np.ndarray) -> np.ndarray:
    """Unit vectors along the axes, in the columns, shape (3, 3)."""
    return affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)


def _largest_distance(one: np.ndarray, other: np.ndarray, shape: tuple[int, ...]) -> float:
    """How far apart, in mm, the corners of two grids lie at most."""
    ends = [(0, side - 1) for side in reversed(shape)]
    corners = np.array([[*corner, 1] for corner in product(*ends)]).T  # (4, 8)
    return float(np.linalg.norm(((one - other) @ corners)[:3], axis=0).max())


def _sides(numbers: tuple[float, ...]) -> str:
    """Numbers of each axis as viewers give them, x first."""
    return " x ".join(f"{number:.6g}" for number in reversed(numbers))
