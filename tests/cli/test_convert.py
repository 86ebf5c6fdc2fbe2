"""`medsegdiff convert`, and verbs on layouts other than plain folders."""

from __future__ import annotations

import json
from pathlib import Path

from layout_trees import csv, nnunet
from official_trees import ct_series


def test_a_data_set_is_converted_and_verified(skin_data: Path, tmp_path: Path, medsegdiff):
    answer = medsegdiff("convert", skin_data, tmp_path / "raw", "--to", "nnunet")
    assert (answer.code, answer.out) == (0, f"{tmp_path / 'raw'}: 12 studies.\n")
    checked = medsegdiff("verify", tmp_path / "raw", "-o", tmp_path / "sheet.png")
    assert checked.code == 0
    assert "An nnU-Net raw folder: 10 studies to train on, 2 to test on." in checked.out


def test_a_study_that_is_left_out_is_named(tmp_path: Path, medsegdiff):
    nnunet(tmp_path / "raw")
    (tmp_path / "raw/imagesTr/b_0000.nii.gz").unlink()
    (tmp_path / "raw/labelsTr/c.nii.gz").unlink()
    answer = medsegdiff("convert", tmp_path / "raw", tmp_path / "copy", "--to", "folders")
    assert answer.code == 3
    assert "b_0000" in answer.err
    assert "Without a mask, and so left out of training: 1 (c)" in answer.err


def test_another_layout_is_refused(skin_data: Path, tmp_path: Path, medsegdiff):
    answer = medsegdiff("convert", skin_data, tmp_path / "copy", "--to", "bids")
    assert answer.code == 2
    assert "to nnunet or to folders, not to 'bids'" in answer.err


def test_of_two_layouts_one_can_be_named(tmp_path: Path, medsegdiff):
    csv(tmp_path)
    entry = {"image": "scans/left_0.nii.gz", "label": "drawn/left.nii.gz"}
    (tmp_path / "list.json").write_text(json.dumps({"training": [entry]}))
    sheet = tmp_path / "sheet.png"
    assert medsegdiff("verify", tmp_path, "-o", sheet).code == 4
    answer = medsegdiff("verify", tmp_path, "-o", sheet, "--layout", "csv")
    assert (answer.code, "A table of 2 studies." in answer.out) == (0, True)


def test_images_without_masks_are_described(tmp_path: Path, medsegdiff):
    ct_series(tmp_path / "export/ct", "1.2.3")
    answer = medsegdiff("verify", tmp_path / "export", "-o", tmp_path / "sheet.png")
    assert answer.code == 0
    assert "A DICOM tree: 1 study, 0 segmentation(s)." in answer.out
    assert "The images can be predicted." in answer.out
