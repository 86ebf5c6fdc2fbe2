"""Outlines in pixel coordinates, made into masks."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from medsegdiff.data.dicom.contours import crossings, inside


def filled(outline: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Fill a closed outline: the pixels whose centres lie inside (even-odd rule).

    Args:
        outline: corners as (x, y), pixel centres at whole numbers; shape (N, 2), N from 3.
        shape: rows and columns of the image; what lies outside of it is cut off.

    Returns:
        Shape (H, W), bool.
    """
    return inside(crossings(outline[:, ::-1], shape))


def traced(outline: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Mark the pixels that a closed outline passes through; shape (H, W), bool."""
    canvas = Image.new("1", (shape[1], shape[0]))
    corners = [(float(x), float(y)) for x, y in (*outline, outline[0])]
    ImageDraw.Draw(canvas).line(corners, fill=1)
    return np.asarray(canvas)
