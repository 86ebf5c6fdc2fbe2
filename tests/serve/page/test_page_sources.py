"""What can be given to the page beside one picture: a DICOM folder, a zip; and taken back again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from medsegdiff.engine.model_location import BUNDLED

from .conftest import FIELDS, Visit, drop, sent_fields, serving

pytestmark = pytest.mark.slow
VOLUME = BUNDLED / "hippocampus" / "samples" / "images" / "hippocampus_033.nii.gz"


@pytest.fixture(scope="module")
def address(browser: Any) -> Iterator[str]:
    with serving("-m", "skin-lesion", "-m", "hippocampus", "--seconds", "60") as found:
        yield found


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A bundled volume as a folder of DICOM files, one for each slice."""
    volume: Any = nibabel.load(VOLUME)
    folder, values = tmp_path / "series", np.asarray(volume.dataobj).astype(np.uint16)
    folder.mkdir()
    study, one, frame = (generate_uid() for _ in range(3))
    for number in range(values.shape[2]):
        file = mri_slice(values[:, :, number], volume.affine @ [0, 0, number, 1])
        file.StudyInstanceUID, file.SeriesInstanceUID, file.FrameOfReferenceUID = study, one, frame
        file.InstanceNumber = number + 1
        file.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)
    return folder


def test_a_dicom_folder_gives_a_dicom_seg(visit: Visit, address: str, series: Path) -> None:
    page = visit(address)
    page.get_by_label("Model").select_option("hippocampus")
    page.locator("input[webkitdirectory]").set_input_files(series)
    page.get_by_text("38 files").wait_for()
    page.click("summary")
    page.get_by_label("Masks").fill("1")
    page.evaluate(FIELDS)
    page.click("button[type=submit]")
    assert ["name", "series"] in sent_fields(page)
    page.wait_for_selector("canvas[data-shown=mask]")
    assert float(page.get_by_role("row", name="anterior").inner_text().split("ml")[0].split()[-1])
    with page.expect_download() as download:
        page.get_by_role("link", name="Mask as DICOM SEG", exact=True).click()
    assert pydicom.dcmread(download.value.path()).Modality == "SEG"


def test_a_volume_for_a_model_of_pictures_is_told_before_it_is_sent(
    visit: Visit, address: str
) -> None:
    page = visit(address)
    drop(page, VOLUME)
    page.get_by_text("looks like a volume, and this model takes pictures").wait_for()
    page.get_by_role("button", name="Use Hippocampus").click()
    assert page.locator(".misfit").inner_text() == ""
    assert page.get_by_label("Model").input_value() == "hippocampus"
    assert VOLUME.name in page.locator(".shown").inner_text()


def test_a_zip_is_unpacked(visit: Visit, address: str, skin_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    shutil.copy(skin_data / "images" / "ISIC_0000460.jpg", folder)
    page = visit(address)
    drop(page, Path(shutil.make_archive(str(tmp_path / "sent"), "zip", folder)))
    page.click("button[type=submit]")
    page.wait_for_selector("canvas[data-shown=mask]")
    assert page.inner_text("h1") == "ISIC_0000460"


def test_a_job_that_takes_too_long_is_told_and_cancelled_and_another_can_be_sent(
    visit: Visit, address: str
) -> None:
    page = visit(address)
    page.get_by_label("Model").select_option("hippocampus")
    page.click(".sample")
    page.click("summary")
    page.get_by_label("Masks").fill("64")
    page.get_by_label("Steps").fill("250")
    page.click("button[type=submit]")
    page.get_by_text("A job may take 60 s here, and this one needs longer").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Nothing was kept of").wait_for()
    page.get_by_role("link", name="Segment another image").click()
    page.wait_for_selector(".sample")
    assert page.request.get(f"{address}/api/jobs").json()[-1]["state"] == "cancelled"


def mri_slice(values: np.ndarray, corner: Any) -> Any:
    """A slice whose first axis runs to the right and whose second runs to the front, 1 mm each."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    file: Any = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    file.SOPClassUID, file.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    file.Modality, file.PatientID, file.PatientName = "MR", "1", "Miller^Anna"
    file.PatientBirthDate = file.PatientSex = file.StudyDate = file.StudyTime = ""
    file.StudyID, file.AccessionNumber, file.ReferringPhysicianName, file.SeriesNumber = (
        "",
        "",
        "",
        1,
    )
    file.Rows, file.Columns = values.shape[1], values.shape[0]
    file.PixelSpacing, file.SliceThickness = [1, 1], 1
    file.ImageOrientationPatient = [-1, 0, 0, 0, -1, 0]
    file.ImagePositionPatient = [-float(corner[0]), -float(corner[1]), float(corner[2])]
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated = file.BitsStored = 16
    file.HighBit, file.PixelRepresentation = 15, 0
    file.PixelData = np.ascontiguousarray(values.T).tobytes()
    return file
