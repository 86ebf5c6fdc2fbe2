"""The numbers of a volume as a file stores them, read block by block into float32 or integers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsegdiff.data.volumes.stream import Stream, check_at_end, exactly
from medsegdiff.errors import UnreadableStudy

BLOCK_VOXELS = 2**18  # held twice besides the result
NEAR_INTEGER = 0.01
SMALLEST_TYPES = (np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64)


@dataclass(frozen=True)
class Voxels:
    """How the numbers of a volume follow each other.

    Args:
        shape: (*S); the last axis is the fastest.
        channels: numbers in a voxel.
        dtype: of each number, with its byte order.
        is_interleaved: whether the channels of a voxel stand side by side; else one whole channel
            follows the other.
        slope, intercept: what a stored number is multiplied by, and what is then added.
    """

    shape: tuple[int, ...]
    channels: int
    dtype: np.dtype
    is_interleaved: bool = False
    slope: float = 1.0
    intercept: float = 0.0

    @property
    def is_scaled(self) -> bool:
        """Whether stored numbers are not yet what they mean."""
        return (self.slope, self.intercept) != (1.0, 0.0)

    @property
    def size_bytes(self) -> int:
        """Bytes of all numbers as they are stored."""
        return math.prod(self.shape) * self.channels * self.dtype.itemsize


def read_intensities(stream: Stream, voxels: Voxels, path: Path) -> np.ndarray:
    """Read a stream to its end as intensities.

    Args:
        stream: at the first number.
        voxels: how they follow each other.
        path: of the file, for errors.

    Returns:
        Shape (C, *S), float32.

    Raises:
        UnreadableStudy: a number is not finite, or too large for float32.
        ValueError: the stream ends early or goes on.
    """
    image = np.empty((voxels.channels, *voxels.shape), dtype=np.float32)
    side_by_side = voxels.channels if voxels.is_interleaved else 1
    target = image.reshape(side_by_side, -1)
    for start, stored in _blocks(stream, voxels, side_by_side):
        with np.errstate(over="ignore", invalid="ignore"):
            block = target[:, start : start + stored.shape[1]]
            block[:] = _scaled(stored, voxels)
        if not np.isfinite(block).all():
            raise UnreadableStudy(
                f"{path} holds intensities that are not finite numbers (NaN or infinite). Save "
                "it without them."
            )
    return image


def read_whole_numbers(stream: Stream, voxels: Voxels, path: Path) -> np.ndarray:
    """Read a stream of one channel to its end as the integers of a mask.

    Returns:
        Shape (*S): in the stored type where that is an integer without scaling, else int32.

    Raises:
        UnreadableStudy: a number is not near an integer, or beyond int32.
        ValueError: the stream ends early or goes on.
    """
    is_exact = voxels.dtype.kind in "iu" and not voxels.is_scaled
    kind = voxels.dtype.newbyteorder("=") if is_exact else np.dtype(np.int32)
    mask = np.empty((1, math.prod(voxels.shape)), dtype=kind)
    for start, stored in _blocks(stream, voxels, 1):
        block = mask[:, start : start + stored.shape[1]]
        block[:] = stored if is_exact else _rounded(_scaled(stored, voxels), path)
    return mask.reshape(voxels.shape)


def storable(values: np.ndarray) -> np.ndarray:
    """Numbers in a type that every format of volumes holds; maps become float32.

    Integers keep their type if it has at most 4 bytes, so that all masks of a data set agree.
    """
    if values.dtype.kind == "f":
        return np.ascontiguousarray(values, dtype=np.float32)
    if values.dtype.kind in "iu" and values.dtype.itemsize <= 4:
        return np.ascontiguousarray(values)
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    fitting = (one for one in SMALLEST_TYPES if np.iinfo(one).min <= low <= high)
    kind = next(one for one in fitting if high <= np.iinfo(one).max)
    return np.ascontiguousarray(values, dtype=kind)


def _blocks(stream: Stream, voxels: Voxels, side_by_side: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (place, numbers of shape (side_by_side, n)) up to the end of the stream."""
    total = math.prod(voxels.shape) * voxels.channels // side_by_side
    for start in range(0, total, BLOCK_VOXELS):
        count = min(BLOCK_VOXELS, total - start) * side_by_side
        content = exactly(stream, count * voxels.dtype.itemsize)
        yield start, np.frombuffer(content, dtype=voxels.dtype).reshape(-1, side_by_side).T
    check_at_end(stream)


def _scaled(stored: np.ndarray, voxels: Voxels) -> np.ndarray:
    if not voxels.is_scaled:
        return stored
    return stored.astype(np.float64) * voxels.slope + voxels.intercept


def _rounded(values: np.ndarray, path: Path) -> np.ndarray:
    near = np.rint(values)
    is_whole = np.abs(values - near) <= NEAR_INTEGER  # False for NaN
    if not (np.isfinite(values) & is_whole & (np.abs(near) < 2**31)).all():
        raise UnreadableStudy(
            f"{path} is a mask, but holds values that are not whole numbers. Save class numbers."
        )
    return near.astype(np.int32)
