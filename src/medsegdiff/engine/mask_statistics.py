"""Figures of one structure in a mask: how large it is, where it lies, in how many pieces."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from medsegdiff.engine.postprocessing import piece_sizes
from medsegdiff.metrics import bounding_box
from medsegdiff.types import Geometry

MM3_PER_ML = 1000
AXES = ("x", "y", "z")  # of a file: x runs along a row, z from slice to slice


def structure_statistics(where: np.ndarray, geometry: Geometry) -> dict[str, Any]:
    """Describe one structure for `statistics.json`.

    Voxels are counted from 0 along the axes of the file, x along a row and z from slice to slice,
    as viewers, NIfTI and ITK do. Coordinates in mm are to the patient's right, front and head
    (RAS, as in NIfTI).

    Args:
        where: its voxels, bool, shape (*S).
        geometry: the grid.

    Returns:
        Plain values; what is unknown, or is not there in an empty mask, is None and never 0.
    """
    count = int(np.count_nonzero(where))
    is_volume, voxel = geometry.space_dims == 3, voxel_size(geometry)
    size = None if voxel is None else count * voxel
    area_mm2 = None if is_volume or size is None else rounded(size)
    volume_ml = None if not is_volume or size is None else rounded(size) / MM3_PER_ML
    return {
        "n_voxels": count,
        "share_of_image": rounded(count / where.size),
        "area_mm2": area_mm2,
        "volume_ml": volume_ml,
        **_pieces(where, count),
        **_place(where, count, geometry),
    }


def voxel_size(geometry: Geometry) -> float | None:
    """mm^3 of a voxel, or mm^2 of a pixel; less than the product of its sides where axes lean.

    None where the file does not say how large they are.
    """
    if geometry.space_dims == 3 and geometry.affine is not None:
        return abs(float(torch.linalg.det(geometry.affine[:3, :3])))
    return None if geometry.spacing_mm is None else math.prod(geometry.spacing_mm)


def by_axis(values: Sequence[Any] | None) -> dict[str, Any] | None:
    """One value for each axis of the grid, (D, H, W), by the name of the axis in the file."""
    return None if values is None else dict(zip(AXES, reversed(values), strict=False))


def rounded(value: float) -> float:
    """Six significant digits: more is noise, and makes files differ."""
    return float(f"{value:.6g}")


def _pieces(where: np.ndarray, count: int) -> dict[str, Any]:
    """Number of connected pieces, and the share of the voxels that lies in the largest."""
    if count == 0:
        return {"n_pieces": 0, "largest_piece_share": None}
    sizes = piece_sizes(where[bounding_box(where)])
    return {"n_pieces": len(sizes), "largest_piece_share": rounded(sizes.max() / count)}


def _place(where: np.ndarray, count: int, geometry: Geometry) -> dict[str, Any]:
    """Where it lies: in the patient, in the file, at the border."""
    if count == 0:
        nowhere = ("centroid_mm", "centroid_voxel", "bounding_box_voxel")
        return {"touches_border": False, **dict.fromkeys(nowhere)}
    box = bounding_box(where)
    ends = [(part.start, min(part.stop, side)) for part, side in zip(box, where.shape, strict=True)]
    inside = where[box]
    centre = [part.start + _mean_index(inside, axis) for axis, part in enumerate(box)]
    return {
        "touches_border": any(
            first == 0 or stop == side
            for (first, stop), side in zip(ends, where.shape, strict=True)
        ),
        "centroid_mm": _in_patient(centre, geometry),
        "centroid_voxel": by_axis([rounded(index) for index in centre]),
        "bounding_box_voxel": by_axis([[first, stop - 1] for first, stop in ends]),
    }


def _mean_index(inside: np.ndarray, axis: int) -> float:
    """Mean index of the voxels along one axis."""
    others = tuple(other for other in range(inside.ndim) if other != axis)
    profile = np.count_nonzero(inside, axis=others)
    return float(np.average(np.arange(len(profile)), weights=profile))


def _in_patient(centre: list[float], geometry: Geometry) -> list[float] | None:
    """Coordinates of an index in mm, RAS+; None where the file does not say how it lies."""
    if geometry.affine is None or geometry.space_dims != 3:
        return None
    place = geometry.affine.numpy() @ [*centre, 1.0]
    return [rounded(float(one)) for one in place[:3]]
