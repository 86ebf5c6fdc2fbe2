"""Distances between the surfaces of two masks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from medsegdiff.metrics.bounding_box import bounding_box

SPARSE = 1 / 16  # surface voxels per voxel; below it a tree of points is several times faster
POINTS_AT_ONCE = 2**18

Indices = NDArray[np.integer]  # one row a voxel, one column an axis


def surface_distances(
    prediction: Bool[Tensor, "*S"],
    reference: Bool[Tensor, "*S"],
    spacing_mm: tuple[float, ...] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance of every surface voxel of one mask to the nearest surface voxel of the other.

    The surface is made of the voxels that have a neighbour across a face outside of the mask; what
    lies beyond the border of the grid counts as outside. Neither mask may be empty. No array is
    larger than three and a half float32 copies of the box round both masks.

    Returns:
        From prediction to reference and back, in mm, or in voxels without a spacing; float64, one
        value for each surface voxel, in the order of the grid.
    """
    one, other = prediction.cpu().numpy(), reference.cpu().numpy()
    box = bounding_box(one | other)  # both surfaces lie in it, so the distances stay exact
    one, other = _surface(one[box]), _surface(other[box])
    spacing = np.ones(one.ndim) if spacing_mm is None else np.asarray(spacing_mm)
    return _distances(one, other, spacing), _distances(other, one, spacing)


def _surface(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return mask & ~np.asarray(ndimage.binary_erosion(mask), dtype=bool)


def _distances(
    one: NDArray[np.bool_], other: NDArray[np.bool_], spacing: NDArray[np.float64]
) -> NDArray[np.float64]:
    """From each voxel of one surface to the nearest of the other."""
    is_sparse = max(np.count_nonzero(one), np.count_nonzero(other)) < SPARSE * one.size
    nearest = nearest_by_tree if is_sparse else nearest_by_transform
    parts = [
        np.sqrt((((here - there) * spacing) ** 2).sum(axis=1))
        for here, there in nearest(one, other, spacing)
    ]
    return np.concatenate(parts)


def nearest_by_tree(
    one: NDArray[np.bool_], other: NDArray[np.bool_], spacing: NDArray[np.float64]
) -> Iterator[tuple[Indices, Indices]]:
    """Voxels of one mask with the nearest of the other, some at a time; the time of the points."""
    from scipy.spatial import KDTree  # slow to import, and no prediction needs it

    points = np.argwhere(other)
    tree = KDTree(points * spacing)
    here = np.argwhere(one)
    for start in range(0, len(here), POINTS_AT_ONCE):
        some = here[start : start + POINTS_AT_ONCE]
        yield some, points[tree.query(some * spacing)[1]]


def nearest_by_transform(
    one: NDArray[np.bool_], other: NDArray[np.bool_], spacing: NDArray[np.float64]
) -> Iterator[tuple[Indices, Indices]]:
    """The same by a distance transform, slice by slice; the time of the voxels."""
    indices = np.asarray(
        ndimage.distance_transform_edt(
            ~other, sampling=spacing, return_distances=False, return_indices=True
        )
    )  # int32, (axes, *S)
    for row, inside in enumerate(one):
        within = np.argwhere(inside)
        here = np.insert(within, 0, row, axis=1)
        yield here, indices[:, row][:, inside].T
