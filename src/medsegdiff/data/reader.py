"""Reading image files safely: nothing is believed about a file before it has been checked.

In order: is there a file, is it what its ending says, does what it declares fit the memory, can it
be decoded to its end. Only then are its intensities handed on.
"""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor

from medsegdiff.data.tiff import read_tiff, tiff_header
from medsegdiff.errors import ResourceError, UnreadableStudy

BUDGET_BYTES = 2**30  # one image as float32; a 6000 x 4000 photograph takes 0.29 GB of it
SMALLEST_SIDE = 8  # pixels; nothing can be outlined on less
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
MAGIC = {
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "BMP": (b"BM",),
}
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


@dataclass(frozen=True)
class Header:
    """What a file declares about itself.

    Args:
        shape: pixels along (H, W), after the camera's orientation is applied.
        channels: 1 for grey, 3 for colour; transparency is not counted.
        bits: per stored value.
    """

    shape: tuple[int, int]
    channels: int
    bits: int


def is_image_file(path: Path) -> bool:
    """Whether the name is that of an image: a known ending, and not a hidden file."""
    return path.suffix.lower() in FORMATS and not path.name.startswith(".")


def read_header(path: Path, budget_bytes: int = BUDGET_BYTES) -> Header:
    """Read what a file declares, without decoding it.

    Raises:
        UnreadableStudy: there is no such file, or it is not what its ending says.
        ResourceError: as float32 it would be larger than `budget_bytes`.
    """
    file_format = _checked_format(path)
    try:
        if file_format == "TIFF":
            shape, channels, bits = tiff_header(path)
        else:
            with _opened(path, file_format) as image:
                shape, channels, bits = _declared(image)
    except Image.DecompressionBombError as error:
        pixels = int(next(iter(re.findall(r"\d+", str(error)))))
        raise ResourceError(
            f"{path} declares {pixels / 1e6:.0f} million pixels and needs at least "
            f"{4 * pixels / 1e9:.2f} GB of memory, more than is allowed for one image. Scale it "
            "down or cut it into tiles."
        ) from None
    except Exception as error:
        raise _unreadable(path, error) from None
    needed = shape[0] * shape[1] * channels * 4
    if needed > budget_bytes:
        raise ResourceError(
            f"{path} is {shape[1]} x {shape[0]} pixels with {channels} channel(s) and needs "
            f"{needed / 1e9:.2f} GB of memory, more than the {budget_bytes / 1e9:.2f} GB allowed "
            "for one image. Scale it down or cut it into tiles, or allow more memory."
        )
    return Header(shape, channels, bits)


def read_image(path: Path, budget_bytes: int = BUDGET_BYTES) -> Float[Tensor, "C H W"]:
    """Read the stored intensities of an image.

    Palettes are expanded to colours, transparency is dropped, and the camera's orientation is
    applied.

    Args:
        path: a png, jpg, tif or bmp file of 8, 16 or 32 bits, grey or colour.
        budget_bytes: the most memory that the decoded image may take.

    Returns:
        Shape (C, H, W), float32, C is 1 for grey and 3 for colour.

    Raises:
        UnreadableStudy: the file is damaged, too small, or not what its ending says.
        ResourceError: it is larger than the budget.
    """
    header = read_header(path, budget_bytes)
    if min(header.shape) < SMALLEST_SIDE:
        raise UnreadableStudy(
            f"{path} is {header.shape[1]} x {header.shape[0]} pixels; an image needs at least "
            f"{SMALLEST_SIDE} on each side. It may be an icon or a placeholder: take it out of "
            "the folder."
        )
    values = _decoded(path, is_mask=False)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise UnreadableStudy(
            f"{path} holds intensities that are not finite numbers. Save it without them."
        )
    values = values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def read_mask(path: Path, budget_bytes: int = BUDGET_BYTES) -> np.ndarray:
    """Read the stored values of a mask: palette images give their palette's indices.

    Returns:
        Integers of shape (H, W), or (H, W, 3) for a mask drawn in colours.

    Raises:
        UnreadableStudy: the file is damaged, holds values that are not near integers, or is not
            what its ending says.
        ResourceError: it is larger than the budget.
    """
    read_header(path, budget_bytes)
    values = _decoded(path, is_mask=True)
    if values.ndim == 3 and (values == values[..., :1]).all():
        values = values[..., 0]
    if values.dtype == bool:
        return values.astype(np.uint8)
    if not np.issubdtype(values.dtype, np.floating):
        return values
    near = np.rint(values)
    if not np.isfinite(values).all() or np.abs(values - near).max(initial=0) > 0.01:
        raise UnreadableStudy(
            f"{path} is a mask, but holds values that are not whole numbers. Save class numbers."
        )
    return near.astype(np.int32)


def _checked_format(path: Path) -> str:
    """Name the format that both the ending and the first bytes say."""
    if not path.is_file():
        raise UnreadableStudy(f"There is no file {path}. Check the name.")
    expected = FORMATS.get(path.suffix.lower())
    if expected is None:
        raise UnreadableStudy(
            f"{path} is not an image that can be read. Known endings: {', '.join(FORMATS)}."
        )
    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise UnreadableStudy(f"{path} is an empty file (0 bytes). Copy it again from its source.")
    if start.startswith(MAGIC[expected]):
        return expected
    found = next((name for name, magic in MAGIC.items() if start.startswith(magic)), None)
    if found:
        raise UnreadableStudy(
            f"{path} is named like a {expected} file but is a {found} file. Give it that ending."
        )
    raise UnreadableStudy(
        f"{path} is named like a {expected} file but its content is not an image. Copy it again "
        "from its source, or take it out of the folder."
    )


def _opened(path: Path, file_format: str) -> Image.Image:
    """Open a file lazily; its size is judged by our own budget, not by Pillow's warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(path, formats=(file_format,))


def _declared(image: Image.Image) -> tuple[tuple[int, int], int, int]:
    width, height = image.size
    turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    shape = (width, height) if turned else (height, width)
    return shape, 1 if image.mode in GREY_MODES else 3, GREY_MODES.get(image.mode, 8)


def _decoded(path: Path, is_mask: bool) -> np.ndarray:
    """Decode a file to its end, shape (H, W) or (H, W, 3)."""
    try:
        file_format = FORMATS[path.suffix.lower()]
        if file_format == "TIFF":
            return read_tiff(path, is_mask)
        content = path.read_bytes()
        _check_complete(content, file_format)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=(file_format,))
            image.load()
        return stored_values(image, is_mask)
    except Exception as error:
        raise _unreadable(path, error) from None


def _check_complete(content: bytes, file_format: str) -> None:
    """Refuse files that end early, also where the decoder would not notice."""
    if file_format == "PNG":
        Image.open(io.BytesIO(content), formats=("PNG",)).verify()  # the checksum of every chunk
    if file_format == "JPEG" and content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda"):
        raise ValueError("it has no end-of-image mark")


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


def _unreadable(path: Path, error: Exception) -> UnreadableStudy:
    reason = str(error).split("\n")[0] or type(error).__name__
    return UnreadableStudy(
        f"{path} is damaged or incomplete and cannot be decoded ({reason}). Copy it again from "
        "its source."
    )
