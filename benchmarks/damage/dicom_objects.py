"""Small DICOM objects whose bytes do not depend on the clock."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.config import disable_value_validation
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from damage import volumes

ROOT = "1.2.826.0.1.3680043.8.498."
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
PATIENT = ("Secret^Sally", "PAT-4711")
AXIAL = [1, 0, 0, 0, 1, 0]


def picture(values: np.ndarray, number: int = 1, **elements: Any) -> Dataset:
    """A grey object of one frame (H, W) or several (D, H, W), int16."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = CTImageStorage
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}9.{number}"
    made.StudyInstanceUID, made.SeriesInstanceUID = f"{ROOT}1", f"{ROOT}2"
    made.FrameOfReferenceUID, made.Modality = f"{ROOT}3", "CT"
    made.PatientName, made.PatientID = PATIENT
    made.InstanceNumber = number
    made.Rows, made.Columns = values.shape[-2:]
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 16, 15
    made.PixelRepresentation = 1
    made.RescaleSlope, made.RescaleIntercept = 1, 0
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    made.PixelData = values.astype("<i2").tobytes()
    return made


def slices(values: np.ndarray, step: tuple[float, float, float] | None = None) -> list[Dataset]:
    """A series, one object for each slice of (D, H, W)."""
    direction = np.array(step or (0, 0, volumes.SPACING[2]))
    return [
        picture(
            plane,
            d + 1,
            ImageOrientationPatient=AXIAL,
            PixelSpacing=[volumes.SPACING[1], volumes.SPACING[0]],
            ImagePositionPatient=[float(f"{x:.9g}") for x in volumes.ORIGIN + d * direction],
        )
        for d, plane in enumerate(values)
    ]


def as_bytes(made: Dataset, **options: Any) -> bytes:
    """The object as a file."""
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=True, **options)
    return stream.getvalue()


def file_name(d: int) -> str:
    """Of slice d; names are not in the order of the slices."""
    return f"{(d * 37 + 11) % 101:03d}.dcm"


def series_files(values: np.ndarray) -> dict[str, bytes]:
    """By name, the files of a series."""
    return {file_name(d): as_bytes(made) for d, made in enumerate(slices(values))}


def changed(content: bytes, change: Callable[[Dataset], object]) -> bytes:
    """The file after a change to its object, which may put impossible values into it."""
    made = dcmread(io.BytesIO(content))
    with disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        change(made)
        stream = io.BytesIO()
        made.save_as(stream)
    return stream.getvalue()


def enhanced_file(values: np.ndarray) -> bytes:
    """One enhanced MR object with all slices of (D, H, W)."""
    made = picture(values, SOPClassUID=ENHANCED_MR, Modality="MR", NumberOfFrames=len(values))
    made.file_meta.MediaStorageSOPClassUID = ENHANCED_MR
    del made.RescaleSlope, made.RescaleIntercept
    shared = _group("PlaneOrientationSequence", ImageOrientationPatient=AXIAL)
    spacing = [volumes.SPACING[1], volumes.SPACING[0]]
    shared.update(_group("PixelMeasuresSequence", PixelSpacing=spacing, SliceThickness=2))
    made.SharedFunctionalGroupsSequence = [shared]
    heights = [volumes.ORIGIN[2] + d * volumes.SPACING[2] for d in range(len(values))]
    made.PerFrameFunctionalGroupsSequence = [
        _group("PlanePositionSequence", ImagePositionPatient=[*volumes.ORIGIN[:2], height])
        for height in heights
    ]
    return as_bytes(made)


def _group(sequence: str, **elements: Any) -> Dataset:
    item, outer = Dataset(), Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    setattr(outer, sequence, [item])
    return outer
