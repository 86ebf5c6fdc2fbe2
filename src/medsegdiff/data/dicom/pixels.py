"""Intensities of DICOM files: decoded frame by frame, rescaled to what they mean (CT to HU).

Stored values become intensities by Rescale Slope and Intercept or the Modality LUT, frame by frame
where they differ (PET, enhanced MR). MONOCHROME1, in which low is bright, is inverted within the
range of the stored type. Padding around the field of view (Pixel Padding Value) stays an intensity
like any other, as in ITK and dcm2niix, so that networks see the same from DICOM as from NIfTI.

Source: DICOM PS3.3, C.7.6.3 (image pixel), C.11.1 (modality LUT).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medsegdiff.data.dicom.codestream import check_codestreams
from medsegdiff.data.dicom.frames import frame_count, frame_value
from medsegdiff.errors import ResourceError, UnreadableStudy

if TYPE_CHECKING:
    from pydicom import Dataset

GREY = ("MONOCHROME1", "MONOCHROME2")
PALETTE = "PALETTE COLOR"
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
JPEG_2000 = "1.2.840.10008.1.2.4.9"  # and 90 to 93 begin like this


def channel_count(dataset: Dataset, path: Path) -> int:
    """Give 1 for grey and 3 for colour, palettes included; check what is declared about pixels.

    Raises:
        UnreadableStudy: the declaration is incomplete, or contradicts itself.
    """
    kind = dataset.get("PhotometricInterpretation")
    samples = dataset.get("SamplesPerPixel", 1)
    sides = (dataset.Rows, dataset.get("Columns", 0))
    if kind not in (*GREY, PALETTE, *COLOURS) or samples != (3 if kind in COLOURS else 1):
        raise UnreadableStudy(
            f"{path} stores its pixels in a way that is not read: {samples} value(s) a pixel as "
            "PhotometricInterpretation says. Export it as MONOCHROME2 or RGB."
        )
    if min(sides) < 1 or frame_count(dataset) < 1:
        raise UnreadableStudy(f"{path} declares a picture without pixels. Export it again.")
    return 1 if kind in GREY else 3


def check_budget(
    path: Path, shape: tuple[int, ...], channels: int, budget_bytes: int, bytes_each: int = 4
) -> None:
    """Refuse what would be larger than the budget once it is decoded.

    Raises:
        ResourceError: it would be.
    """
    needed = int(np.prod(shape, dtype=object)) * channels * bytes_each
    if needed > budget_bytes:
        raise ResourceError(
            f"{path} is {' x '.join(map(str, shape))} voxels with {channels} channel(s) and needs "
            f"{needed / 1e9:.2f} GB of memory, more than the {budget_bytes / 1e9:.2f} GB allowed "
            "for one image. Cut it smaller, or allow more memory."
        )


def intensities(dataset: Dataset, path: Path) -> Iterator[np.ndarray]:
    """Decode a file, one frame after the other.

    Args:
        dataset: read with its pixels.
        path: for errors.

    Yields:
        Shape (C, H, W), float32.

    Raises:
        UnreadableStudy: the pixels are damaged, incomplete, or no decoder for them is installed.
    """
    channels = channel_count(dataset, path)
    for index, stored in enumerate(stored_frames(dataset, path, as_rgb=channels == 3)):
        if channels == 1:
            values = _rescaled(_significant(stored, dataset, path), dataset, index, path)[None]
        else:
            values = _colours(stored, dataset).transpose(2, 0, 1)
        with np.errstate(over="ignore"):
            values = values.astype(np.float32)
        if not np.isfinite(values).all():
            raise UnreadableStudy(
                f"{path} holds intensities that are not finite numbers. Save it without them."
            )
        yield values


def stored_frames(dataset: Dataset, path: Path, as_rgb: bool = False) -> Iterator[np.ndarray]:
    """Decode the stored values of each frame, shape (H, W) or (H, W, 3)."""
    from pydicom.pixels.utils import iter_pixels

    _check_complete(dataset, path)
    if dataset.BitsAllocated == 1 and not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        yield from _bits(dataset)  # pydicom 3.0 errs where a frame does not end with a byte
        return
    yield from iter_pixels(dataset, raw=not as_rgb)


def _bits(dataset: Dataset) -> Iterator[np.ndarray]:
    """Unpack frames of one bit a voxel, the lowest bit first (PS3.5, 8.1.1)."""
    packed = np.frombuffer(dataset.PixelData, dtype=np.uint8)
    size = dataset.Rows * dataset.Columns
    for start in range(0, frame_count(dataset) * size, size):
        held = np.unpackbits(packed[start // 8 : -(-(start + size) // 8)], bitorder="little")
        yield held[start % 8 : start % 8 + size].reshape(dataset.Rows, dataset.Columns)


def _check_complete(dataset: Dataset, path: Path) -> None:
    """Refuse pixels that are missing, too few or too many, or that cannot be decoded here."""
    from pydicom.uid import ImplicitVRLittleEndian

    held = [keyword for keyword in PIXELS if keyword in dataset]
    if len(held) != 1:
        raise UnreadableStudy(
            f"{path} holds no pixel data; it may end early. Copy it again from its source."
        )
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian  # the standard's default
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        _check_decoder(dataset.file_meta.TransferSyntaxUID, path)
        check_codestreams(dataset, frame_count(dataset), path)
        return
    expected, found = _native_bytes(dataset), len(dataset[held[0]].value)
    if found not in (expected, expected + expected % 2):
        raise UnreadableStudy(
            f"{path} declares {expected} bytes of pixels but holds {found}. It is damaged or "
            "incomplete: copy it again from its source."
        )


def _native_bytes(dataset: Dataset) -> int:
    samples = dataset.get("SamplesPerPixel", 1)
    if dataset.PhotometricInterpretation == "YBR_FULL_422":
        samples = 2  # two pixels share their colour
    bits = dataset.Rows * dataset.Columns * samples * dataset.BitsAllocated
    return -(-bits * frame_count(dataset) // 8)


def _check_decoder(syntax: str, path: Path) -> None:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    try:
        is_available = get_decoder(UID(syntax)).is_available
    except NotImplementedError:
        is_available = False
    if not is_available:
        more = "" if syntax.startswith(JPEG_2000) else " python-gdcm"
        raise UnreadableStudy(
            f"{path} is compressed ({UID(syntax).name}), and no decoder for that is installed. "
            "Install one, in the folder with MedSegDiff's source: pip install -c constraints.txt "
            f'".[jpeg]"{more}. Or decompress the files, for instance with `dcmdjpeg` or '
            "`gdcmconv --raw`."
        )


def _significant(stored: np.ndarray, dataset: Dataset, path: Path) -> np.ndarray:
    """Keep the bits that belong to the value (old files hide overlays in the others), inverted."""
    if stored.dtype.kind == "f":
        return stored
    bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    if int(dataset.get("HighBit", bits - 1)) != bits - 1 or bits > dataset.BitsAllocated:
        raise UnreadableStudy(
            f"{path} declares values of {bits} bits that do not lie where they should (HighBit). "
            "Export it again."
        )
    values = stored.astype(np.int64 if bits > 16 else np.int32)
    is_signed = dataset.get("PixelRepresentation") == 1
    if bits < dataset.BitsAllocated:
        values &= (1 << bits) - 1
    if bits < dataset.BitsAllocated and is_signed:
        values -= (values >> (bits - 1)) << bits
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        values = (-1 if is_signed else (1 << bits) - 1) - values  # lowest + highest - value
    return values


def _rescaled(values: np.ndarray, dataset: Dataset, index: int, path: Path) -> np.ndarray:
    from pydicom.pixels.processing import apply_modality_lut

    if "ModalityLUTSequence" in dataset:
        return apply_modality_lut(values, dataset)
    slope = frame_value(dataset, index, "RescaleSlope")
    intercept = frame_value(dataset, index, "RescaleIntercept")
    if slope == 0 and values.any():  # PET has it in empty slices
        raise UnreadableStudy(
            f"{path} declares a RescaleSlope of 0, which leaves nothing of its intensities. Export "
            "it again."
        )
    return values * float(1 if slope is None else slope) + float(intercept or 0)


def _colours(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    from pydicom.pixels.processing import apply_color_lut

    if dataset.PhotometricInterpretation == PALETTE:
        return apply_color_lut(stored, dataset)[..., :3]
    return stored
