"""The family of file formats: how images and masks are stored, and nothing about data sets.

Every format checks before it believes: is there a file, does its content match its ending, does
what it declares fit the memory, does it go on to its end, are its numbers finite. Whatever is wrong
becomes an `UnreadableStudy` or a `ResourceError` that names the file.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from torch import Tensor

from medsegdiff.component import Component
from medsegdiff.types import Geometry


@dataclass(frozen=True)
class Header:
    """What a file declares about itself.

    Args:
        geometry: the grid; for a photograph (H, W), after the camera's orientation is applied.
        channels: 1 for grey, 3 for colour (transparency is not counted), more for a 4-D file.
        bits: per stored value.
    """

    geometry: Geometry
    channels: int
    bits: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along each axis."""
        return self.geometry.shape


@dataclass(frozen=True)
class Scan:
    """An image as it is stored.

    Args:
        image: intensities (rescaled as the file says, so CT is in HU), shape (C, *S), float32.
        geometry: the grid of `image`.
        modality: as "CT", where the file says so (DICOM).
    """

    image: Float[Tensor, "C *S"]
    geometry: Geometry
    modality: str = ""


@dataclass(frozen=True)
class StoredMask:
    """A mask as it is stored.

    Args:
        values: integers of shape (*S), or (H, W, 3) for a mask drawn in colours.
        geometry: the grid of `values`.
    """

    values: np.ndarray
    geometry: Geometry


class Format(Component, family=True):
    """One way of storing images and masks; a member knows one file format.

    A path is a file, or a folder where a format stores one image as many files (a DICOM series).
    """

    endings: ClassVar[tuple[str, ...]] = ()  # lower case, with the dot: ".nii.gz"

    def claims(self, path: Path) -> bool:
        """Whether a path is named like this format; its content is not looked at."""
        return path.name.lower().endswith(self.endings)

    @abstractmethod
    def read_header(self, path: Path, budget_bytes: int) -> Header:
        """Read what a file declares, without decoding it.

        Raises:
            UnreadableStudy: there is no such file, or it is not what its ending says.
            ResourceError: as float32 it would be larger than `budget_bytes`.
        """

    @abstractmethod
    def read_image(self, path: Path, budget_bytes: int) -> Scan:
        """Read an image to its end.

        Raises:
            UnreadableStudy: the file is damaged, not finite, or not what its ending says.
            ResourceError: it is larger than the budget.
        """

    @abstractmethod
    def read_mask(self, path: Path, budget_bytes: int, like: Geometry | None) -> StoredMask:
        """Read the stored values of a mask.

        Args:
            path: the file.
            budget_bytes: the most memory that it may take.
            like: the grid of the image that the mask was drawn on, for formats that store outlines
                or only some of the slices; others give their own grid and leave the comparison to
                the caller.

        Raises:
            UnreadableStudy: the file is damaged, holds values that are not near integers, or is not
                what its ending says.
            ResourceError: it is larger than the budget.
        """

    @abstractmethod
    def write(self, path: Path, values: np.ndarray, source: Path | None) -> None:
        """Write a mask or a map atomically, on the grid of its image.

        Args:
            path: the file to write; its ending is one of this format's.
            values: integers or float32, shape (*S); (H, W, 3) for a mask in colours.
            source: the image that the mask belongs to, whose geometry is copied; None where there
                is none to copy (arrays).

        Raises:
            DataError: the format cannot hold such values.
        """
