"""Writing masks and maps so that they read back as what they were, on the grid of their image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from medsegdiff.data.formats.choice import claiming_format, image_endings
from medsegdiff.data.labels import LabelMap
from medsegdiff.errors import DataError

FULL_SCALE = 2**16 - 1  # the stored value of 1.0 in a 16-bit map


def write_labels(
    path: Path, labels: Int[Tensor, "*S"], label_map: LabelMap, source: Path | None = None
) -> None:
    """Write a mask in the user's own values, in the smallest type that holds them.

    Args:
        path: its ending chooses the format.
        labels: class numbers, shape (*S).
        label_map: the stored value of each class.
        source: the image that the mask belongs to, whose geometry is copied; pictures need none.

    Raises:
        DataError: the format cannot hold the values, or there is none of this ending.
    """
    _write(path, label_map.decode(labels), source)


def write_map(path: Path, values: Float[Tensor, "*S"], source: Path | None = None) -> None:
    """Write numbers of 0 to 1: a 16-bit png (1.0 is stored as 65535), else float32.

    Args:
        path: its ending chooses the format.
        values: shape (*S).
        source: as for a mask.

    Raises:
        DataError: a number lies outside 0 to 1, or is not finite.
    """
    array = values.float().numpy()
    if not ((array >= -1e-6) & (array <= 1 + 1e-6)).all():
        raise DataError(f"{path} holds numbers of 0 to 1, but some lie outside. Scale them first.")
    if path.suffix.lower() == ".png":
        array = np.rint(array.clip(0, 1) * FULL_SCALE).astype(np.uint16)
    _write(path, array, source)


def _write(path: Path, array: np.ndarray, source: Path | None) -> None:
    found = claiming_format(path)
    if found is None:
        raise DataError(
            f"{path} has no ending that can be written. Choose one of {', '.join(image_endings())}."
        )
    found.write(path, array, source)
