"""What can be given to the page beside one picture: a DICOM folder, a zip; and taken back again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from dicom_series import write_series

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
    return write_series(tmp_path / "series", VOLUME)


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
