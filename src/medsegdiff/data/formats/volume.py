"""What reading is for every format that stores a volume as a header and a stream of numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sys import maxsize

import numpy as np
import torch

from medsegdiff.data.file_checks import check_volume_budget, sides
from medsegdiff.data.formats.choice import format_of
from medsegdiff.data.formats.format import Format, Header, Scan, StoredMask
from medsegdiff.data.volumes.declared import Declared
from medsegdiff.data.volumes.stream import Stream, check_size, exactly, opened
from medsegdiff.data.volumes.voxels import read_intensities, read_whole_numbers
from medsegdiff.errors import DataError, GridMismatch, UnreadableStudy
from medsegdiff.types import Geometry


class VolumeFormat(Format):
    """A format of volumes: a member reads headers and writes, the rest is done here."""

    @abstractmethod
    def declared(self, path: Path) -> Declared:
        """Read and check a header.

        Raises:
            UnreadableStudy: there is no such file, or its header contradicts itself.
        """

    def read_header(self, path: Path, budget_bytes: int) -> Header:
        return self._checked(path, budget_bytes)[1]

    def read_image(self, path: Path, budget_bytes: int) -> Scan:
        found, header = self._checked(path, budget_bytes)
        with _opened(found) as stream:
            image = read_intensities(stream, found.voxels, path)
        return Scan(torch.from_numpy(image), header.geometry)

    def read_mask(self, path: Path, budget_bytes: int, like: Geometry | None) -> StoredMask:
        found, header = self._checked(path, budget_bytes)
        if header.channels > 1:
            raise UnreadableStudy(
                f"{path} is a mask with {header.channels} numbers in each voxel, where one class "
                "number is expected. Save one number a voxel: the class."
            )
        check_volume_budget(path, header.shape, 1, budget_bytes, found.voxels.dtype.itemsize)
        with _opened(found) as stream:
            values = read_whole_numbers(stream, found.voxels, path)
        return StoredMask(values, header.geometry)

    def _checked(self, path: Path, budget_bytes: int) -> tuple[Declared, Header]:
        found = self.declared(path)
        channels = found.voxels.channels
        check_volume_budget(path, found.geometry.shape, channels, budget_bytes)
        return found, Header(found.geometry, channels, found.voxels.dtype.itemsize * 8)


@contextmanager
def _opened(found: Declared) -> Iterator[Stream]:
    """Open the numbers of a volume at the first of them."""
    check_size(found.file, found.is_packed, found.offset, found.size_bytes)
    with opened(found.file, found.is_packed, found.offset) as stream:
        exactly(stream, found.skipped)
        yield stream


def geometry_of_source(path: Path, values: np.ndarray, source: Path | None) -> Geometry:
    """The grid to write values on: that of their image, or one that says nothing but the shape.

    Raises:
        DataError: the values are drawn in colours.
        GridMismatch: they are not of the image's shape.
    """
    shape = tuple(values.shape)
    if source is None:
        geometry = Geometry(shape)
    else:
        geometry = format_of(source).read_header(source, maxsize).geometry
    check_writable(path, values, geometry.shape)
    return geometry


def check_writable(path: Path, values: np.ndarray, shape: tuple[int, ...]) -> None:
    """Refuse values that do not lie on the grid that they are written on.

    Raises:
        DataError: they are drawn in colours.
        GridMismatch: they are of another shape.
    """
    if values.ndim > 3 or (values.ndim == 3 and len(shape) == 2):
        raise DataError(
            f"{path} holds one number a voxel and no colours. Give the classes numbers "
            '("label_values" in dataset.json).'
        )
    if tuple(values.shape) != shape:
        raise GridMismatch(
            f"{path} would hold {sides(tuple(values.shape))} voxels, but its image has "
            f"{sides(shape)}. Write it on the grid of the image."
        )
