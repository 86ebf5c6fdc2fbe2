"""DICOM images: a folder that holds a series, or one file (a multi-frame volume, or a picture).

    files -> frames -> sorted by position along the normal -> one regular grid -> (C, D, H, W)

A single frame is a picture, (H, W); frames without a place in the patient (a clip of ultrasound)
stay in their order as (D, H, W). The intensities are those of `medsegdiff.data.dicom.pixels`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch

from medsegdiff.data.dicom.files import (
    ENDINGS,
    has_ending,
    is_dicom,
    is_image,
    read_dataset,
    reading,
)
from medsegdiff.data.dicom.frames import Frame
from medsegdiff.data.dicom.pixels import intensities
from medsegdiff.data.dicom.series import Series, series_in
from medsegdiff.data.dicom.volume import declared
from medsegdiff.data.formats.format import Format, Header, Scan, StoredMask
from medsegdiff.errors import DataError, UnreadableStudy
from medsegdiff.types import Geometry

__all__ = ["Dicom", "Series", "series_in"]

LOOKED_AT = 8  # files of a folder, to see whether it holds a series
NEAR_INTEGER = 0.01


class Dicom(Format):
    """A DICOM series in a folder, or one DICOM file."""

    name: Literal["dicom"] = "dicom"
    endings: ClassVar[tuple[str, ...]] = ENDINGS

    def claims(self, path: Path) -> bool:
        """Whether a folder holds DICOM pictures, or a file is one or is named like one.

        Segmentations and structure sets are claimed by the formats of their own.
        """
        if path.is_dir():
            files = (file for file in sorted(path.iterdir()) if file.is_file())
            visible = (file for file in files if not file.name.startswith("."))
            return any(_is_picture(file) for file in islice(visible, LOOKED_AT))
        if not path.is_file():
            return super().claims(path)
        return _is_picture(path) or (super().claims(path) and not is_dicom(path))

    def read_header(self, path: Path, budget_bytes: int) -> Header:
        volume = declared(path, budget_bytes)
        return Header(volume.geometry, volume.channels, volume.bits)

    def read_image(self, path: Path, budget_bytes: int) -> Scan:
        volume = declared(path, budget_bytes)
        shape = volume.geometry.shape
        slices = shape if len(shape) == 3 else (1, *shape)
        image = np.empty((volume.channels, *slices), dtype=np.float32)
        for file, places in _slices_of_files(volume.frames).items():
            _fill(image, places, file)
        values = torch.from_numpy(image.reshape(volume.channels, *shape))
        return Scan(values, volume.geometry, volume.modality)

    def read_mask(self, path: Path, budget_bytes: int, like: Geometry | None) -> StoredMask:
        scan = self.read_image(path, budget_bytes)
        values = scan.image.numpy()
        near = np.rint(values)
        if np.abs(values - near).max(initial=0) > NEAR_INTEGER:
            raise UnreadableStudy(
                f"{path} is a mask, but holds values that are not whole numbers. Save class "
                "numbers."
            )
        whole = near.astype(np.int32)
        return StoredMask(whole[0] if len(whole) == 1 else np.moveaxis(whole, 0, -1), scan.geometry)

    def write(self, path: Path, values: np.ndarray, source: Path | None) -> None:
        raise DataError(
            f"{path} cannot be written: masks and maps of DICOM studies are written as NIfTI "
            "(.nii.gz), and masks as DICOM SEG besides. Choose the ending .nii.gz."
        )


def _is_picture(path: Path) -> bool:
    if not has_ending(path) or not is_dicom(path):
        return False
    try:
        return is_image(read_dataset(path))
    except UnreadableStudy:
        return path.suffix.lower() in ENDINGS  # to be named when it is read


def _slices_of_files(frames: Sequence[Frame]) -> dict[Path, list[int]]:
    """By file, the slice at which each of its frames lies, in the order of the file."""
    found: dict[Path, list[int]] = {}
    for d, frame in sorted(enumerate(frames), key=lambda numbered: numbered[1].index):
        found.setdefault(frame.file, []).append(d)
    return found


def _fill(image: np.ndarray, places: list[int], path: Path) -> None:
    """Decode a file into an image, (C, D, H, W): its frames in order go to these slices."""
    dataset = read_dataset(path, pixels=True)
    with reading(path):
        for d, values in zip(places, intensities(dataset, path), strict=True):
            image[:, d] = values
