"""Distances between the surfaces of two masks."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from medsegdiff.metrics.bounding_box import bounding_box


def surface_distances(
    prediction: Bool[Tensor, "*S"],
    reference: Bool[Tensor, "*S"],
    spacing_mm: tuple[float, ...] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance of every surface voxel of one mask to the nearest surface voxel of the other.

    The surface is made of the voxels that have a neighbour across a face outside of the mask; what
    lies beyond the border of the grid counts as outside. Neither mask may be empty.

    Returns:
        From prediction to reference and back, in mm, or in voxels without a spacing; float64, one
        value for each surface voxel.
    """
    one, other = prediction.cpu().numpy(), reference.cpu().numpy()
    box = bounding_box(one | other)  # both surfaces lie in it, so the distances stay exact
    one, other = _surface(one[box]), _surface(other[box])
    return _distance_to(other, spacing_mm)[one], _distance_to(one, spacing_mm)[other]


def _surface(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return mask & ~np.asarray(ndimage.binary_erosion(mask), dtype=bool)


def _distance_to(
    surface: NDArray[np.bool_], spacing_mm: tuple[float, ...] | None
) -> NDArray[np.float64]:
    return np.asarray(ndimage.distance_transform_edt(~surface, sampling=spacing_mm))
