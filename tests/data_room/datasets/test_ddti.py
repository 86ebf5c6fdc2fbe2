from __future__ import annotations

from pathlib import Path

import pytest
from official_trees import SQUARE, ddti, ddti_case, photograph

from medsegdiff.data.datasets.ddti import DDTI
from medsegdiff.errors import DataError


def test_images_of_a_case_belong_to_one_patient(tmp_path: Path) -> None:
    ddti(tmp_path)
    dataset = DDTI(root=tmp_path)
    assert DDTI.recognises(tmp_path)
    assert dataset.ids() == ["1_1", "1_2", "2_1"]
    assert [dataset.group(study) for study in dataset.ids()] == ["1", "1", "2"]
    assert dataset.findings[0] == "DDTI: 3 images of 2 cases, 3 with outlined nodules."


def test_outlines_become_masks(tmp_path: Path) -> None:
    ddti(tmp_path)
    sample = DDTI(root=tmp_path).load("1_2")
    assert sample.labels is not None
    assert sample.labels[6:18, 8:20].all()
    assert sample.labels.sum() == 12 * 12


def test_the_files_of_a_study_are_on_the_disk(tmp_path: Path) -> None:
    ddti(tmp_path)
    assert DDTI(root=tmp_path).files("1_2") == (tmp_path / "1_2.jpg", tmp_path / "1.xml")


def test_images_without_an_outline_are_left_out_of_training(tmp_path: Path) -> None:
    ddti(tmp_path)
    (tmp_path / "1.xml").write_text(ddti_case((1, []), (2, [SQUARE])))
    (tmp_path / "2.xml").unlink()
    dataset = DDTI(root=tmp_path)
    assert dataset.annotated_ids() == ["1_2"]


def test_a_broken_case_is_named_and_stops_no_other(tmp_path: Path) -> None:
    ddti(tmp_path)
    text = (tmp_path / "2.xml").read_text()
    (tmp_path / "2.xml").write_text(text.replace('"freehand"}]', '"fr'))
    dataset = DDTI(root=tmp_path)
    assert dataset.annotated_ids() == ["1_1", "1_2"]
    assert "2.xml: the outlines of image 1 break off" in dataset.findings[1]


def test_outlines_of_missing_images_are_named(tmp_path: Path) -> None:
    ddti(tmp_path)
    (tmp_path / "1_2.jpg").unlink()
    assert DDTI(root=tmp_path).masks_without_image == ("1_2",)


def test_unknown_files_are_let_be_and_copies_refused(tmp_path: Path) -> None:
    ddti(tmp_path)
    photograph(tmp_path / "logo.jpg")
    (tmp_path / "index.xml").write_text("no XML")
    assert DDTI(root=tmp_path).ids() == ["1_1", "1_2", "2_1"]
    photograph(tmp_path / "copy" / "1_1.jpg")
    with pytest.raises(DataError, match="both be study '1_1'"):
        DDTI(root=tmp_path).ids()


def test_to_predict_no_outlines_are_read(tmp_path: Path) -> None:
    ddti(tmp_path)
    (tmp_path / "1.xml").write_text("no XML")
    dataset = DDTI.of_images(tmp_path)
    assert dataset.annotated_ids() == []
    assert len(dataset.findings) == 1


def test_other_folders_are_left_to_others(tmp_path: Path) -> None:
    photograph(tmp_path / "1_1.jpg")
    assert not DDTI.recognises(tmp_path)
    (tmp_path / "2.xml").touch()
    assert not DDTI.recognises(tmp_path)
