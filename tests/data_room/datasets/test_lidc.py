from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from official_trees import LIDC_NODULE, ct_series, lidc, lidc_roi, lidc_xml

from medsegdiff.data.datasets.lidc import LIDC
from medsegdiff.errors import DataError

SERIES = "LIDC-IDRI/LIDC-IDRI-0001/01-01-2000-NA-NA-30178/3000566.000000-NA-03192"


def test_series_are_found_with_their_four_raters(tmp_path: Path) -> None:
    lidc(tmp_path)
    dataset = LIDC(root=tmp_path)
    assert LIDC.recognises(tmp_path)
    assert dataset.ids() == dataset.annotated_ids() == ["LIDC-IDRI-0001", "LIDC-IDRI-0002"]
    assert dataset.raters("LIDC-IDRI-0001") == ("rater-1", "rater-2", "rater-3", "rater-4")
    found = dataset.find().findings
    assert found == ("LIDC-IDRI: 2 CT series of 2 patients, 2 with 4 raters.",)


def test_half_of_the_raters_make_the_truth(tmp_path: Path) -> None:
    lidc(tmp_path)
    sample = LIDC(root=tmp_path).load("LIDC-IDRI-0001")
    assert sample.labels is not None
    assert sample.labels[1, 4:9, 6:11].all()
    assert sample.labels.sum() == 25
    assert [int(mask.sum()) for mask in sample.raters.values()] == [25, 25, 49, 0]
    assert sample.geometry.shape == (4, 16, 20)


def test_readings_in_a_folder_of_their_own_are_matched_by_the_series(tmp_path: Path) -> None:
    lidc(tmp_path)
    (tmp_path / "tcia-lidc-xml" / "157").mkdir(parents=True)
    shutil.move(tmp_path / SERIES / "069.xml", tmp_path / "tcia-lidc-xml/157/158.xml")
    files = LIDC(root=tmp_path).find().studies["LIDC-IDRI-0001"]
    assert files.raters["rater-2"] == tmp_path / "tcia-lidc-xml/157/158.xml/rater-2"


def test_a_second_series_of_a_patient_is_of_the_same_patient(tmp_path: Path) -> None:
    lidc(tmp_path)
    second = (tmp_path / SERIES).parent / "2.000000-NA-1"
    ct_series(second, "1.2.3")
    (second / "070.xml").write_text(lidc_xml("1.2.3", ["", ""]))
    dataset = LIDC(root=tmp_path)
    assert dataset.ids()[0] == "LIDC-IDRI-0001_2.000000-NA-1"
    assert {dataset.group(study) for study in dataset.ids()[:2]} == {"LIDC-IDRI-0001"}


def test_series_without_readings_and_x_rays_are_left_out(tmp_path: Path) -> None:
    lidc(tmp_path)
    (tmp_path / SERIES / "069.xml").write_text('<IdriReadMessage xmlns="http://www.nih.gov/idri"/>')
    found = LIDC(root=tmp_path).find()
    assert list(found.studies) == ["LIDC-IDRI-0002"]
    assert f"without readings of a CT: 1 ({SERIES})" in found.findings[1]
    assert found.findings[2] == f"Left out, XML that is no reading of a CT: 1 ({SERIES}/069.xml)."


def test_what_no_mask_holds_is_counted(tmp_path: Path) -> None:
    lidc(tmp_path)
    point = lidc_roi(-97.5, [(5, 3)])
    small = f"<unblindedReadNodule><noduleID>2</noduleID>{point}</unblindedReadNodule>"
    other = "<nonNodule><nonNoduleID>3</nonNoduleID></nonNodule>"
    session = LIDC_NODULE.format(point) + small + small + other
    (tmp_path / SERIES / "069.xml").write_text(lidc_xml("1.2", [session, other]))
    assert LIDC(root=tmp_path).find().findings[1] == (
        "Left out, over all raters: 2 nodules under 3 mm, which have no outline, 2 marks on what "
        "is no nodule, 1 outlines of fewer than 3 corners."
    )


def test_broken_readings_and_readings_without_images_are_named(tmp_path: Path) -> None:
    lidc(tmp_path)
    xml = tmp_path / SERIES / "069.xml"
    xml.write_text(xml.read_text()[:-20])
    (tmp_path / "071.xml").write_text(lidc_xml("9.9", [""]))
    dataset = LIDC(root=tmp_path)
    found = dataset.find()
    assert dataset.annotated_ids() == ["LIDC-IDRI-0002"]
    assert found.masks_alone == ("071",)
    assert any("069.xml is not whole XML" in finding for finding in found.findings)


@pytest.mark.parametrize("place", [SERIES, "tcia-lidc-xml"])
def test_to_predict_a_series_needs_no_whole_reading(tmp_path: Path, place: str) -> None:
    lidc(tmp_path)
    text = (tmp_path / SERIES / "069.xml").read_text()
    (tmp_path / SERIES / "069.xml").unlink()
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / "069.xml").write_text(text[:-20])
    dataset = LIDC.of_images(tmp_path, 1)
    assert dataset.ids() == ["LIDC-IDRI-0001", "LIDC-IDRI-0002"]
    assert dataset.load("LIDC-IDRI-0001").image.shape == (1, 4, 16, 20)


def test_readings_alone_are_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "071.xml").write_text(lidc_xml("9.9", [""]))
    assert LIDC.recognises(tmp_path)
    with pytest.raises(DataError, match="no CT series"):
        LIDC(root=tmp_path).ids()


def test_other_xml_is_left_to_others(tmp_path: Path) -> None:
    (tmp_path / "1.xml").write_text("<case/>")
    assert not LIDC.recognises(tmp_path)
