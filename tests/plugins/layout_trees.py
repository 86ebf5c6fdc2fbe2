"""Small data sets in the layouts that everybody uses: volumes of noise with something bright."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from official_trees import VOLUME, ct_series, nifti, noise, tumour

LABELS = {"background": 0, "necrosis": 1, "oedema": 2, "enhancing": 3}
SERIES = "1.2.826.0.1.3680043.8.77"


def volume(path: Path, seed: int, has_mask: Path | None = None) -> Path:
    """Write an image, and its mask where one is wanted."""
    if has_mask is not None:
        nifti(has_mask, tumour(3))
    return nifti(path, noise(seed, VOLUME) + 20 * tumour(3).astype(np.uint8))


def write_json(path: Path, content: object) -> Path:
    """Write a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def nnunet(root: Path, channels: Sequence[str] = ("FLAIR", "T1c")) -> None:
    """nnU-Net, second version: three studies to train on, one to test on."""
    for seed, (folder, study) in enumerate((("Tr", "a"), ("Tr", "b"), ("Tr", "c"), ("Ts", "d"))):
        for k in range(len(channels)):
            image = root / f"images{folder}/{study}_{k:04d}.nii.gz"
            volume(image, 10 * seed + k, root / f"labels{folder}/{study}.nii.gz")
    about = {"labels": LABELS, "numTraining": 3, "file_ending": ".nii.gz"}
    write_json(root / "dataset.json", {"channel_names": dict(enumerate(channels)), **about})


def nnunet_v1(root: Path) -> None:
    """nnU-Net, first version: other words in dataset.json, which also lists the studies."""
    nnunet(root, ("CT",))
    write_json(
        root / "dataset.json",
        {
            "modality": {"0": "CT"},
            "labels": {str(number): name for name, number in LABELS.items()},
            "training": [
                {"image": f"./imagesTr/{study}.nii.gz", "label": f"./labelsTr/{study}.nii.gz"}
                for study in "abc"
            ],
            "test": ["./imagesTs/d.nii.gz"],
        },
    )


def nnunet_images(root: Path) -> None:
    """Images to predict, of two channels."""
    for seed, name in enumerate(("a_0000", "a_0001", "b_0000", "b_0001")):
        volume(root / f"{name}.nii.gz", seed)


def msd(root: Path) -> None:
    """A task of the Decathlon: two studies to train on, one to test on."""
    for seed, study in enumerate(("task_001", "task_002")):
        volume(root / f"imagesTr/{study}.nii.gz", seed, root / f"labelsTr/{study}.nii.gz")
    volume(root / "imagesTs/task_003.nii.gz", 2)
    write_json(
        root / "dataset.json",
        {
            "modality": {"0": "MRI"},
            "labels": {str(number): name for name, number in LABELS.items()},
            "training": [
                {"image": f"./imagesTr/{study}.nii.gz", "label": f"./labelsTr/{study}.nii.gz"}
                for study in ("task_001", "task_002")
            ],
            "test": ["./imagesTs/task_003.nii.gz"],
        },
    )


def datalist(root: Path) -> None:
    """A MONAI datalist with folds and channels in files of their own."""
    entries = []
    for seed, patient in enumerate(("p1", "p2", "p3")):
        images = [f"{patient}/flair.nii.gz", f"{patient}/t1.nii.gz"]
        for k, image in enumerate(images):
            volume(root / image, 10 * seed + k, root / f"{patient}/mask.nii.gz")
        entries.append({"image": images, "label": f"{patient}/mask.nii.gz", "fold": seed})
    testing = [{**entries[2], "patient": "p3"}]
    write_json(root / "list.json", {"training": entries[:2], "testing": testing})


def csv(root: Path) -> None:
    """A table of two studies, one of them to validate on."""
    lines = ["study,image,image2,label,fold,group"]
    for seed, study in enumerate(("left", "right")):
        files = [f"scans/{study}_{k}.nii.gz" for k in range(2)]
        for k, image in enumerate(files):
            volume(root / image, 10 * seed + k, root / f"drawn/{study}.nii.gz")
        lines.append(",".join((study, *files, f"drawn/{study}.nii.gz", str(seed), f"p{seed}")))
    (root / "table.csv").write_text("\n".join(lines) + "\n")


def bids(root: Path) -> None:
    """BIDS: a subject with two sessions, and one with FLAIR besides."""
    for seed, study in enumerate(("sub-01_ses-1", "sub-01_ses-2", "sub-02_ses-1")):
        place = f"{study.replace('_', '/')}/anat/{study}"
        mask = root / f"derivatives/manual/{place}_label-tumour_dseg.nii.gz"
        volume(root / f"{place}_T1w.nii.gz", seed, mask)
    volume(root / "sub-02/ses-1/anat/sub-02_ses-1_FLAIR.nii.gz", 9)
    write_json(root / "dataset_description.json", {"Name": "tumours", "BIDSVersion": "1.9.0"})


def dicom_tree(root: Path) -> None:
    """Two series of one patient; a structure set was drawn on the first."""
    ct_series(root / "patient/ct", SERIES)
    ct_series(root / "patient/follow_up", f"{SERIES}.9")
    structure_set(root / "patient/rt/structures.dcm", SERIES, "Liver")


def structure_set(path: Path, series: str, name: str) -> Path:
    """Write an RTSTRUCT with one square on the second slice of a `ct_series`."""
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.sequence import Sequence as Items
    from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage

    def item(**values: object) -> Dataset:
        made = Dataset()
        for keyword, value in values.items():
            setattr(
                made,
                keyword,
                Items(value)
                if isinstance(value, list) and value and isinstance(value[0], Dataset)
                else value,
            )
        return made

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = RTStructureSetStorage
    meta.MediaStorageSOPInstanceUID = f"{series}.500"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    one.SOPClassUID, one.SOPInstanceUID = RTStructureSetStorage, f"{series}.500"
    one.Modality, one.PatientID = "RTSTRUCT", "LIDC-IDRI-0001"
    referred = item(RTReferencedSeriesSequence=[item(SeriesInstanceUID=series)])
    one.ReferencedFrameOfReferenceSequence = Items([item(RTReferencedStudySequence=[referred])])
    one.StructureSetROISequence = Items([item(ROINumber=7, ROIName=name)])
    corners = [(-87, -78), (-82, -78), (-82, -73), (-87, -73)]
    points = [number for x, y in corners for number in (x, y, -97.5)]
    contour = item(
        ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=4, ContourData=points
    )
    drawn = item(ReferencedROINumber=7, ContourSequence=[contour])
    one.ROIContourSequence = Items([drawn])
    path.parent.mkdir(parents=True, exist_ok=True)
    one.save_as(path, enforce_file_format=True)
    return path


TREES = {
    "nnunet": (nnunet, nnunet_v1),
    "nnunet_images": (nnunet_images,),
    "msd": (msd,),
    "datalist": (datalist,),
    "csv": (csv,),
    "bids": (bids,),
    "dicom_tree": (dicom_tree,),
}
