"""TIFF files: 8, 16 and 32 bits, whole numbers or floats, grey or colour, one page.

tifffile reads what it can by itself; the compressions for which it would need more software are
left to Pillow.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import tifffile
from PIL import Image, ImageOps

from medsegdiff.data.file_checks import check_magic, unreadable
from medsegdiff.data.formats.format import Format, Header, Scan, StoredMask
from medsegdiff.data.formats.picture import (
    cannot_hold,
    check_side,
    checked_header,
    mask_of_pixels,
    scan_of_pixels,
)
from medsegdiff.data.tiff_checks import check_complete, check_directories
from medsegdiff.files import atomic_write
from medsegdiff.types import Geometry

ORIENTATION_TAG = 274


class TIFF(Format):
    """A TIFF file of one page; masks and maps are written with zlib."""

    name: Literal["tiff"] = "tiff"
    endings: ClassVar[tuple[str, ...]] = (".tif", ".tiff")

    def read_header(self, path: Path, budget_bytes: int) -> Header:
        check_magic(path, "TIFF")
        try:
            shape, channels, bits = tiff_header(path)
        except Exception as error:
            raise unreadable(path, error) from None
        return checked_header(path, shape, channels, bits, budget_bytes)

    def read_image(self, path: Path, budget_bytes: int) -> Scan:
        header = self.read_header(path, budget_bytes)
        check_side(path, header)
        return scan_of_pixels(path, _decoded(path, is_mask=False))

    def read_mask(self, path: Path, budget_bytes: int, like: Geometry | None) -> StoredMask:
        self.read_header(path, budget_bytes)
        return mask_of_pixels(path, _decoded(path, is_mask=True))

    def write(self, path: Path, values: np.ndarray, source: Path | None) -> None:
        if not (values.ndim == 2 or (values.ndim == 3 and values.shape[-1] == 3)):
            raise cannot_hold(path, values)
        content = io.BytesIO()
        tifffile.imwrite(content, values, compression="zlib")
        atomic_write(path, content.getvalue())


def _decoded(path: Path, is_mask: bool) -> np.ndarray:
    try:
        return read_tiff(path, is_mask)
    except Exception as error:
        raise unreadable(path, error) from None


def tiff_header(path: Path) -> tuple[tuple[int, int], int, int]:
    """Read ((H, W), channels, bits) without decoding.

    Raises:
        ValueError: the file holds no page, or several.
        TypeError: a tag that says one number says several.
    """
    check_directories(path)
    with tifffile.TiffFile(path) as file:
        page = _only_page(file)
        height, width = int(page.imagelength), int(page.imagewidth)
        shape = (width, height) if _orientation(page) > 4 else (height, width)
        has_palette = page.photometric == tifffile.PHOTOMETRIC.PALETTE
        channels = 3 if has_palette or page.samplesperpixel >= 3 else 1
        return shape, channels, int(page.bitspersample)


def read_tiff(path: Path, is_mask: bool) -> np.ndarray:
    """Read stored values, shape (H, W) or (H, W, 3); alpha is dropped.

    Args:
        path: the file.
        is_mask: whether a palette image gives its palette's indices instead of colours.

    Raises:
        ValueError: the file is incomplete or holds several pages.
    """
    with tifffile.TiffFile(path) as file:
        page = _only_page(file)
        check_complete(page, path)
        try:
            values = page.asarray()
        except (ValueError, RuntimeError, ImportError) as error:
            if "imagecodecs" not in str(error):
                raise
            return _read_with_pillow(path, is_mask)
        if page.photometric == tifffile.PHOTOMETRIC.PALETTE and not is_mask:
            values = np.moveaxis(np.asarray(page.colormap)[:, values], 0, -1) >> 8
        if page.axes == "SYX":
            values = np.moveaxis(values, 0, -1)
        return _upright(_without_alpha(values), _orientation(page))


def _only_page(file: tifffile.TiffFile) -> tifffile.TiffPage:
    pages = [page for page in file.pages if isinstance(page, tifffile.TiffPage)]
    full = [page for page in pages if not page.is_reduced and page.imagedepth == 1]
    if len(full) != 1 or len(pages) < len(file.pages):
        raise ValueError("it holds several pages or a volume; save each slice as a file of its own")
    return full[0]


def _read_with_pillow(path: Path, is_mask: bool) -> np.ndarray:
    with Image.open(path, formats=("TIFF",)) as image:
        image.load()
        upright = ImageOps.exif_transpose(image)
    if (upright.mode == "P" and not is_mask) or upright.mode in ("CMYK", "YCbCr", "LAB"):
        upright = upright.convert("RGB")
    return _without_alpha(np.asarray(upright))


def _without_alpha(values: np.ndarray) -> np.ndarray:
    if values.ndim == 2:
        return values
    return values[..., :3] if values.shape[-1] >= 3 else values[..., 0]


def _orientation(page: tifffile.TiffPage) -> int:
    """How the rows lie, 1 to 8; above 4, rows and columns change places."""
    tag = page.tags.get(ORIENTATION_TAG)
    return int(tag.value) if tag is not None else 1


def _upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """Turn stored rows the way a viewer shows them (TIFF 6.0, tag 274)."""
    if orientation > 4:
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values
