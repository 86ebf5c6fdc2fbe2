"""Small DICOM objects made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

AXIAL = (1, 0, 0, 0, 1, 0)
SECRET = "Geheim^Patientin"


def picture(values: np.ndarray, **elements: Any) -> Dataset:
    """A DICOM object of one or more frames: values (H, W), (H, W, 3) or (D, H, W)."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.PatientName, dataset.PatientID, dataset.Modality = SECRET, "PAT-4711", "CT"
    colours = 3 if values.shape[-1] == 3 else 1
    dataset.Rows, dataset.Columns = values.shape[-2 - (colours == 3) :][:2]
    dataset.SamplesPerPixel = colours
    dataset.PhotometricInterpretation = "RGB" if colours == 3 else "MONOCHROME2"
    if colours == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = values.itemsize * 8
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    if colours == 1 and values.ndim == 3:
        dataset.NumberOfFrames = len(values)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelData = values.tobytes()
    return dataset


def save(dataset: Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def make_picture(tmp_path: Path) -> Callable[..., Path]:
    """Write one DICOM file."""

    def make(values: np.ndarray, name: str = "picture.dcm", **elements: Any) -> Path:
        return save(picture(values, **elements), tmp_path / name)

    return make


@pytest.fixture
def make_series(tmp_path: Path) -> Callable[..., Path]:
    """Write a series, (D, H, W): file names and instance numbers are not in order of position."""

    def make(
        values: np.ndarray,
        folder: str = "series",
        positions: np.ndarray | None = None,
        change: Callable[[Dataset, int], None] = lambda dataset, d: None,
        **elements: Any,
    ) -> Path:
        study, series, frame = (generate_uid() for _ in range(3))
        if positions is None:
            positions = np.array([-10, -20, 30]) + np.outer(np.arange(len(values)), [0, 0, 2.5])
        for d, plane in enumerate(values):
            dataset = picture(plane, ImageOrientationPatient=list(AXIAL), PixelSpacing=[0.5, 0.75])
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
            dataset.FrameOfReferenceUID, dataset.InstanceNumber = frame, len(values) - d
            dataset.ImagePositionPatient = [float(f"{x:.9g}") for x in positions[d]]
            for keyword, value in elements.items():
                setattr(dataset, keyword, value)
            change(dataset, d)
            save(dataset, tmp_path / folder / f"{(d * 37 + 11) % 101:03d}.dcm")
        return tmp_path / folder

    return make


@pytest.fixture
def make_enhanced(tmp_path: Path) -> Callable[..., Path]:
    """Write one enhanced multi-frame file, (D, H, W), its frames stored in the given order."""

    def make(values: np.ndarray, order: list[int], name: str = "enhanced.dcm") -> Path:
        dataset = picture(values[order], StudyInstanceUID=generate_uid())
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"  # enhanced MR
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = generate_uid(), generate_uid()
        dataset.Modality, dataset.InstanceNumber = "MR", 1
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "NONE"]
        shared = _group("PlaneOrientationSequence", ImageOrientationPatient=list(AXIAL))
        shared.update(_group("PixelMeasuresSequence", PixelSpacing=[1, 1], SliceThickness=2))
        dataset.SharedFunctionalGroupsSequence = [shared]
        dataset.PerFrameFunctionalGroupsSequence = [_frame_groups(d) for d in order]
        return save(dataset, tmp_path / name)

    return make


def _frame_groups(d: int) -> Dataset:
    groups = _group("PlanePositionSequence", ImagePositionPatient=[5, 6, 7 + 2 * d])
    groups.update(
        _group("PixelValueTransformationSequence", RescaleSlope=d + 1, RescaleIntercept=-d)
    )
    return groups


def _group(sequence: str, **elements: Any) -> Dataset:
    item, outer = Dataset(), Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    setattr(outer, sequence, [item])
    return outer
