"""Small folders with the official names and structure of public data sets.

Each function fills an empty folder with a few studies: noise, with something bright in it that the
mask outlines.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

SHAPE = (24, 32)  # of pictures
VOLUME = (5, 12, 14)  # of volumes, (D, H, W)
Corner = tuple[float, float]


def picture(path: Path, values: np.ndarray) -> Path:
    """Write a picture, and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def noise(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """Dark noise, uint8."""
    return np.random.default_rng(seed).integers(0, 60, shape, dtype=np.uint8)


def photograph(path: Path, seed: int = 0) -> Path:
    """Write a colour picture with a bright square."""
    values = noise(seed, (*SHAPE, 3))
    values[6:18, 8:20] += 100
    return picture(path, values)


def square_mask(path: Path, values: tuple[int, ...] = (0, 255)) -> Path:
    """Write a mask: background, a square, and, with three values, one inside it."""
    mask = np.full(SHAPE, values[0], dtype=np.uint8)
    mask[6:18, 8:20] = values[1]
    if len(values) > 2:
        mask[9:15, 11:17] = values[2]
    return picture(path, mask)


def isic2018(root: Path) -> None:
    """ISIC 2018, task 1: two images to train, one to validate and one to test."""
    for seed, split in enumerate(("Training", "Training", "Validation", "Test")):
        study = f"ISIC_000000{seed}"
        photograph(root / f"ISIC2018_Task1-2_{split}_Input/{study}.jpg", seed)
        square_mask(root / f"ISIC2018_Task1_{split}_GroundTruth/{study}_segmentation.png")
        (root / f"ISIC2018_Task1-2_{split}_Input/LICENSE.txt").touch()


def isic2016_part3b(root: Path) -> None:
    """ISIC 2016, part 3B, as the README of the MedSegDiff authors wants it."""
    for seed, split in enumerate(("Training", "Training", "Test")):
        study = f"ISIC_000000{seed}"
        folder = root / f"ISBI2016_ISIC_Part3B_{split}_Data"
        photograph(folder / f"{study}.jpg", seed)
        square_mask(folder / f"{study}_Segmentation.png")
        with (root / f"ISBI2016_ISIC_Part3B_{split}_GroundTruth.csv").open("a") as file:
            file.write(f"{study},{'benign' if split == 'Training' else '0.0'}\n")


def refuge(root: Path) -> None:
    """REFUGE: official folders of all three splits."""
    drawn = {
        "Training400/Glaucoma/g0001": "Annotation-Training400/Disc_Cup_Masks/Glaucoma/g0001",
        "Training400/Non-Glaucoma/n0001": (
            "Annotation-Training400/Disc_Cup_Masks/Non-Glaucoma/n0001"
        ),
        "REFUGE-Validation400/V0001": "REFUGE-Validation400-GT/Disc_Cup_Masks/V0001",
        "REFUGE-Test400/T0001": "REFUGE-Test-GT/Disc_Cup_Masks/G/T0001",
    }
    for seed, (image, mask) in enumerate(drawn.items()):
        photograph(root / f"{image}.jpg", seed)
        square_mask(root / f"{mask}.bmp", (255, 128, 0))
    (root / "Annotation-Training400/Fovea_location.xlsx").touch()


def refuge2_copy(root: Path) -> None:
    """REFUGE-2 as copies of it have it."""
    for seed, (split, study) in enumerate(
        (("train", "g0001"), ("val", "V0001"), ("test", "T0001"))
    ):
        photograph(root / f"{split}/images/{study}.jpg", seed)
        square_mask(root / f"{split}/mask/{study}.bmp", (255, 128, 0))


def ddti_case(*marks: tuple[int, Iterable[Iterable[Corner]]]) -> str:
    """XML of a case: for each image, its number and the outlines drawn on it."""
    body = ""
    for image, outlines in marks:
        regions = [
            {
                "points": [{"x": x, "y": y} for x, y in outline],
                "annotation": {},
                "regionType": "freehand",
            }
            for outline in outlines
        ]
        svg = json.dumps(regions) if regions else ""
        body += f"<mark><image>{image}</image><svg>{svg}</svg></mark>"
    return f"<case><number>1</number><age>49</age><tirads>4a</tirads>{body}</case>"


SQUARE = ((8, 6), (20, 6), (20, 18), (8, 18))


def ddti(root: Path) -> None:
    """DDTI: a case with two images, and a case with one."""
    for seed, study in enumerate(("1_1", "1_2", "2_1")):
        photograph(root / f"{study}.jpg", seed)
    (root / "1.xml").write_text(ddti_case((1, [SQUARE]), (2, [SQUARE])))
    (root / "2.xml").write_text(ddti_case((1, [SQUARE])))


def nifti(path: Path, values: np.ndarray) -> Path:
    """Write a volume, shape (D, H, W), of 1 x 1 x 2 mm voxels."""
    import nibabel

    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([-1.0, -1.0, 2.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(values.T.astype(np.int16), affine), path)
    return path


def tumour(enhancing: int) -> np.ndarray:
    """A mask of oedema (2), in it necrosis (1), and the enhancing tumour's number between."""
    mask = np.zeros(VOLUME, dtype=np.int16)
    mask[1:4, 2:10, 2:10], mask[1:4, 3:8, 3:8], mask[2, 4:6, 4:6] = 2, enhancing, 1
    return mask


def brats_study(folder: Path, sequences: Iterable[str], mask: str | None, enhancing: int) -> None:
    """Write a study: a NIfTI file for each sequence, and one for the mask."""
    for seed, name in enumerate(sequences):
        nifti(folder / name, noise(seed, VOLUME) + 20 * tumour(enhancing).astype(np.uint8))
    if mask:
        nifti(folder / mask, tumour(enhancing))


def brats2020(root: Path) -> None:
    """BraTS 2020: two studies to train with, as the challenge gives them."""
    for study in ("BraTS20_Training_001", "BraTS20_Training_002"):
        folder = root / "MICCAI_BraTS2020_TrainingData" / study
        sequences = [f"{study}_{kind}.nii.gz" for kind in ("flair", "t1", "t1ce", "t2")]
        brats_study(folder, sequences, f"{study}_seg.nii.gz", 4)
    (root / "MICCAI_BraTS2020_TrainingData" / "name_mapping.csv").touch()


def brats2023(root: Path) -> None:
    """BraTS 2023: two visits of one patient, and another patient."""
    for study in ("BraTS-GLI-00000-000", "BraTS-GLI-00000-001", "BraTS-GLI-00002-000"):
        sequences = [f"{study}-{kind}.nii.gz" for kind in ("t1n", "t1c", "t2w", "t2f")]
        folder = root / "ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData" / study
        brats_study(folder, sequences, f"{study}-seg.nii.gz", 3)


LIDC_NODULE = (
    "<unblindedReadNodule><noduleID>1</noduleID>"
    "<characteristics><subtlety>5</subtlety></characteristics>{}</unblindedReadNodule>"
)


def lidc_roi(z_mm: float, corners: Iterable[Corner]) -> str:
    """One outline of a nodule."""
    edges = "".join(
        f"<edgeMap><xCoord>{x}</xCoord><yCoord>{y}</yCoord></edgeMap>" for x, y in corners
    )
    return f"<roi><imageZposition>{z_mm}</imageZposition><inclusion>TRUE</inclusion>{edges}</roi>"


def lidc_xml(series: str, sessions: Iterable[str]) -> str:
    """The readings of one series."""
    body = "".join(f"<readingSession>{session}</readingSession>" for session in sessions)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><LidcReadMessage xmlns="http://www.nih.gov">'
        f"<ResponseHeader><SeriesInstanceUid>{series}</SeriesInstanceUid></ResponseHeader>{body}"
        "</LidcReadMessage>"
    )


def ct_series(folder: Path, series: str, slices: int = 4) -> None:
    """Write an axial CT series of 16 x 20 voxels, 2.5 mm apart, the lowest at -100 mm."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    folder.mkdir(parents=True, exist_ok=True)
    for index in range(slices):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = f"{series}.{index + 1}"
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, f"{series}.{index + 1}"
        one.SeriesInstanceUID, one.StudyInstanceUID = series, "1.2.826.0.1.3680043.8.1"
        one.FrameOfReferenceUID = "1.2.826.0.1.3680043.8.2"
        one.Modality, one.InstanceNumber, one.PatientID = "CT", slices - index, "LIDC-IDRI-0001"
        one.ImagePositionPatient = [-90, -80, -100 + 2.5 * index]
        one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        one.PixelSpacing, one.SliceThickness = [0.7, 0.7], 2.5
        one.Rows, one.Columns, one.SamplesPerPixel = 16, 20, 1
        one.PhotometricInterpretation, one.PixelRepresentation = "MONOCHROME2", 1
        one.BitsAllocated, one.BitsStored, one.HighBit = 16, 16, 15
        one.RescaleSlope, one.RescaleIntercept = 1, -1024
        one.PixelData = noise(index, (16, 20)).astype("<i2").tobytes()
        one.save_as(folder / f"1-{slices - index:03}.dcm", enforce_file_format=True)


def lidc(root: Path) -> None:
    """LIDC-IDRI: two patients; of four raters, three outline the nodule, one of them larger."""
    small, large = ((5, 3), (11, 3), (11, 9), (5, 9)), ((4, 2), (12, 2), (12, 10), (4, 10))
    sessions = [LIDC_NODULE.format(lidc_roi(-97.5, outline)) for outline in (small, small, large)]
    for patient in ("LIDC-IDRI-0001", "LIDC-IDRI-0002"):
        folder = root / "LIDC-IDRI" / patient / "01-01-2000-NA-NA-30178/3000566.000000-NA-03192"
        series = f"1.3.6.1.4.1.14519.{patient[-1]}"
        ct_series(folder, series)
        (folder / "069.xml").write_text(lidc_xml(series, [*sessions, ""]))


TREES = {
    "isic": (isic2018, isic2016_part3b),
    "refuge": (refuge, refuge2_copy),
    "ddti": (ddti,),
    "brats": (brats2020, brats2023),
    "lidc": (lidc,),
}


@cache
def built(fill: Callable[[Path], None]) -> Path:
    """The root of a tree that is filled once and removed at the end of the process."""
    home = Path(tempfile.mkdtemp(prefix="official_trees_"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    root = home / fill.__name__
    root.mkdir()
    fill(root)
    return root
