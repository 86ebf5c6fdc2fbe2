"""Pictures: PNG, JPEG and BMP of 8, 16 and 32 bits, grey, colour or with a palette.

Palettes are expanded to colours in images and give their indices in masks; transparency is dropped;
the camera's orientation is applied.
"""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from PIL import Image, ImageOps

from medsegdiff.data.file_checks import check_magic, unreadable
from medsegdiff.data.formats.format import Format, Header, Scan, StoredMask
from medsegdiff.data.picture_checks import check_complete
from medsegdiff.errors import DataError, ResourceError, UnreadableStudy
from medsegdiff.files import atomic_write
from medsegdiff.types import Geometry

SMALLEST_SIDE = 8  # pixels; nothing can be outlined on less
NEAR_INTEGER = 0.01
KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP"}
GREY_MODES = {
    "1": 8,
    "L": 8,
    "LA": 8,
    "La": 8,
    "I;16": 16,
    "I;16B": 16,
    "I;16L": 16,
    "I": 32,
    "F": 32,
}


class Picture(Format):
    """A PNG, JPEG or BMP file; masks are written as PNG."""

    name: Literal["picture"] = "picture"
    endings: ClassVar[tuple[str, ...]] = tuple(KINDS)

    def read_header(self, path: Path, budget_bytes: int) -> Header:
        kind = KINDS[path.suffix.lower()]
        check_magic(path, kind)
        try:
            with _opened(path, kind) as image:
                shape, channels, bits = _declared(image)
        except Image.DecompressionBombError as error:
            pixels = int(next(iter(re.findall(r"\d+", str(error)))))
            raise ResourceError(
                f"{path} declares {pixels / 1e6:.0f} million pixels and needs at least "
                f"{4 * pixels / 1e9:.2f} GB of memory, more than is allowed for one image. Scale "
                "it down or cut it into tiles."
            ) from None
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
        is_png = path.suffix.lower() == ".png"
        is_flat = values.ndim == 2 or (values.ndim == 3 and values.shape[-1] == 3)
        if not (is_png and is_flat and values.dtype in (np.uint8, np.uint16)):
            raise cannot_hold(path, values)
        content = io.BytesIO()
        Image.fromarray(values).save(content, format="PNG")
        atomic_write(path, content.getvalue())


def checked_header(
    path: Path, shape: tuple[int, int], channels: int, bits: int, budget_bytes: int
) -> Header:
    """The header of a picture that fits the memory.

    Raises:
        ResourceError: as float32 it would be larger than the budget.
    """
    needed = shape[0] * shape[1] * channels * 4
    if needed > budget_bytes:
        raise ResourceError(
            f"{path} is {shape[1]} x {shape[0]} pixels with {channels} channel(s) and needs "
            f"{needed / 1e9:.2f} GB of memory, more than the {budget_bytes / 1e9:.2f} GB allowed "
            "for one image. Scale it down or cut it into tiles, or allow more memory."
        )
    return Header(Geometry(shape), channels, bits)


def check_side(path: Path, header: Header) -> None:
    """Refuse pictures in which nothing can be outlined.

    Raises:
        UnreadableStudy: a side is shorter than `SMALLEST_SIDE`.
    """
    if min(header.shape) < SMALLEST_SIDE:
        raise UnreadableStudy(
            f"{path} is {header.shape[1]} x {header.shape[0]} pixels; an image needs at least "
            f"{SMALLEST_SIDE} on each side. It may be an icon or a placeholder: take it out of "
            "the folder."
        )


def scan_of_pixels(path: Path, values: np.ndarray) -> Scan:
    """Pixels of shape (H, W) or (H, W, 3) as an image.

    Raises:
        UnreadableStudy: they are not finite.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise UnreadableStudy(
            f"{path} holds intensities that are not finite numbers. Save it without them."
        )
    values = values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
    image = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
    return Scan(image, Geometry(tuple(image.shape[1:])))


def mask_of_pixels(path: Path, values: np.ndarray) -> StoredMask:
    """Pixels of shape (H, W) or (H, W, 3) as a mask; three equal channels are one.

    Raises:
        UnreadableStudy: they are not near integers.
    """
    if values.ndim == 3 and (values == values[..., :1]).all():
        values = values[..., 0]
    geometry = Geometry((values.shape[0], values.shape[1]))
    if values.dtype == bool:
        return StoredMask(values.astype(np.uint8), geometry)
    if not np.issubdtype(values.dtype, np.floating):
        return StoredMask(values, geometry)
    near = np.rint(values)
    if not np.isfinite(values).all() or np.abs(values - near).max(initial=0) > NEAR_INTEGER:
        raise UnreadableStudy(
            f"{path} is a mask, but holds values that are not whole numbers. Save class numbers."
        )
    return StoredMask(near.astype(np.int32), geometry)


def cannot_hold(path: Path, values: np.ndarray) -> DataError:
    """The error of a mask that no picture of this ending can hold."""
    return DataError(
        f"{path} cannot hold values of type {values.dtype} and shape {values.shape}. Use the "
        "ending .tif for values below 0 or above 65535, .png or .tif for other pictures, and "
        ".nii.gz for volumes."
    )


def stored_values(image: Image.Image, is_mask: bool = False) -> np.ndarray:
    """Values of a decoded picture, upright, shape (H, W) or (H, W, 3); transparency is dropped."""
    image = ImageOps.exif_transpose(image)
    if image.mode == "P" and is_mask:
        return np.asarray(image)
    if image.mode == "1" and not is_mask:
        return np.asarray(image.convert("L"))
    if image.mode in ("LA", "La"):
        return np.asarray(image.getchannel(0))
    if image.mode in GREY_MODES:
        return np.asarray(image)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _opened(path: Path, kind: str) -> Image.Image:
    """Open a file lazily; its size is judged by our own budget, not by Pillow's warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(path, formats=(kind,))


def _declared(image: Image.Image) -> tuple[tuple[int, int], int, int]:
    width, height = image.size
    turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    shape = (width, height) if turned else (height, width)
    return shape, 1 if image.mode in GREY_MODES else 3, GREY_MODES.get(image.mode, 8)


def _decoded(path: Path, is_mask: bool) -> np.ndarray:
    """Decode a file to its end, shape (H, W) or (H, W, 3)."""
    try:
        kind = KINDS[path.suffix.lower()]
        content = path.read_bytes()
        check_complete(content, kind)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=(kind,))
            image.load()
        return stored_values(image, is_mask)
    except Exception as error:
        raise unreadable(path, error) from None
