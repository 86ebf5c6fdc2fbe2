"""The smallest box round a mask, so that slow geometry runs on a part of the grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def bounding_box(mask: NDArray[np.bool_], margin: int = 0) -> tuple[slice, ...]:
    """Slices that cut the mask's box out of the grid, `margin` voxels wider on each side.

    The box ends at the border of the grid. The mask must not be empty.
    """
    return tuple(_extent(mask, axis, margin) for axis in range(mask.ndim))


def _extent(mask: NDArray[np.bool_], axis: int, margin: int) -> slice:
    others = tuple(other for other in range(mask.ndim) if other != axis)
    filled = np.flatnonzero(mask.any(axis=others))
    return slice(max(int(filled[0]) - margin, 0), int(filled[-1]) + 1 + margin)
