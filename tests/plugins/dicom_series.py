"""A volume as a DICOM series: one file for each slice, 1 mm apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid


def write_series(folder: Path, volume: Path) -> Path:
    """Write a NIfTI volume whose axes run to the right, the front and the top as a series."""
    folder.mkdir(parents=True)
    scan: Any = nibabel.load(volume)
    values = np.asarray(scan.dataobj).astype(np.uint16)
    study, series, frame = (generate_uid() for _ in range(3))
    for number in range(values.shape[2]):
        file = mri_slice(values[:, :, number], scan.affine @ [0, 0, number, 1])
        file.StudyInstanceUID, file.SeriesInstanceUID = study, series
        file.FrameOfReferenceUID, file.InstanceNumber = frame, number + 1
        file.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)
    return folder


def mri_slice(values: np.ndarray, corner: Any) -> Any:
    """A slice of a patient who is called Anna Miller."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    file: Any = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    file.SOPClassUID, file.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    file.Modality, file.PatientID, file.PatientName = "MR", "1", "Miller^Anna"
    file.PatientBirthDate = file.PatientSex = file.StudyDate = file.StudyTime = ""
    file.StudyID = file.AccessionNumber = file.ReferringPhysicianName = ""
    file.SeriesNumber = 1
    file.Rows, file.Columns = values.shape[1], values.shape[0]
    file.PixelSpacing, file.SliceThickness = [1, 1], 1
    file.ImageOrientationPatient = [-1, 0, 0, 0, -1, 0]
    file.ImagePositionPatient = [-float(corner[0]), -float(corner[1]), float(corner[2])]
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated = file.BitsStored = 16
    file.HighBit, file.PixelRepresentation = 15, 0
    file.PixelData = np.ascontiguousarray(values.T).tobytes()
    return file
