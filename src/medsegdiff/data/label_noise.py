"""Masks that were compressed or smoothed: voxels of doubtful value take the class beside them."""

from __future__ import annotations

import numpy as np

SURE = 8  # grey levels around a class's value in which a voxel of a noisy mask belongs to it


def without_slopes(labels: np.ndarray, stored: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Give voxels of doubtful value the class of the nearest sure one.

    Between classes 0 and 2 the value passes through that of class 1, which is not there.

    Args:
        labels: the class whose value is nearest, shape (*S).
        stored: the values themselves.
        values: that of each class.
    """
    from scipy import ndimage

    stored = stored.astype(np.int64)
    low, high = ndimage.minimum_filter(stored, 3), ndimage.maximum_filter(stored, 3)
    on_slope = (stored - low > SURE) & (high - stored > SURE)
    doubtful = on_slope | (np.abs(values[labels] - stored) > SURE)
    if not doubtful.any() or doubtful.all():
        return labels
    nearest = ndimage.distance_transform_edt(doubtful, return_distances=False, return_indices=True)
    return labels[tuple(nearest)]  # pyright: ignore[reportArgumentType]
