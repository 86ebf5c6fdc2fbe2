"""Writing masks and maps so that they read back as what they were."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from medsegdiff.data.labels import LabelMap
from medsegdiff.errors import DataError
from medsegdiff.files import atomic_write

FULL_SCALE = 2**16 - 1  # the stored value of 1.0 in a 16-bit map


def write_labels(path: Path, labels: Int[Tensor, "H W"], label_map: LabelMap) -> None:
    """Write a mask in the user's own values, as a png or tif of the smallest type that holds them.

    Raises:
        DataError: the values do not fit a png, or the ending is another.
    """
    _write(path, label_map.decode(labels))


def write_map(path: Path, values: Float[Tensor, "H W"]) -> None:
    """Write numbers of 0 to 1 as a 16-bit png (1.0 is stored as 65535) or a float tif.

    Raises:
        DataError: a number lies outside 0 to 1, or is not finite.
    """
    array = values.float().numpy()
    if not ((array >= -1e-6) & (array <= 1 + 1e-6)).all():
        raise DataError(f"{path} holds numbers of 0 to 1, but some lie outside. Scale them first.")
    if path.suffix.lower() == ".png":
        array = np.rint(array.clip(0, 1) * FULL_SCALE).astype(np.uint16)
    _write(path, array)


def _write(path: Path, array: np.ndarray) -> None:
    ending = path.suffix.lower()
    content = io.BytesIO()
    if ending in (".tif", ".tiff"):
        tifffile.imwrite(content, array, compression="zlib")
    elif ending == ".png" and array.dtype in (np.uint8, np.uint16):
        Image.fromarray(array).save(content, format="PNG")
    else:
        raise DataError(
            f"{path} cannot hold values of type {array.dtype}. Use the ending .tif for values "
            "below 0 or above 65535, and .png or .tif otherwise."
        )
    atomic_write(path, content.getvalue())
