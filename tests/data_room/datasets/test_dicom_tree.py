from __future__ import annotations

from pathlib import Path

import numpy as np
from layout_trees import SERIES, dicom_tree, structure_set
from PIL import Image

from medsegdiff.data.datasets.dicom_tree import DicomTree


def test_a_drawing_finds_the_series_that_it_refers_to(tmp_path: Path) -> None:
    dicom_tree(tmp_path)
    dataset = DicomTree(root=tmp_path)
    assert dataset.ids() == ["patient_ct", "patient_follow_up"]
    assert dataset.annotated_ids() == ["patient_ct"]
    sample = dataset.load("patient_ct")
    assert sample.labels is not None
    assert sample.labels.sum(dim=(1, 2)).nonzero().flatten().tolist() == [1]
    assert dataset.label_map is not None
    assert dataset.label_map.names == ("background", "Liver")


def test_series_of_one_patient_stay_together_under_a_digest(tmp_path: Path) -> None:
    dicom_tree(tmp_path)
    dataset = DicomTree(root=tmp_path)
    (group,) = {dataset.group(study) for study in dataset.ids()}
    assert "LIDC" not in group


def test_of_two_drawings_of_a_series_none_is_taken_and_both_are_named(tmp_path: Path) -> None:
    dicom_tree(tmp_path)
    structure_set(tmp_path / "patient/rt/second.dcm", SERIES, "Liver")
    dataset = DicomTree(root=tmp_path)
    assert dataset.annotated_ids() == []
    assert any("second.dcm, structures.dcm" in finding for finding in dataset.findings)


def test_a_link_back_is_not_followed_for_ever(tmp_path: Path) -> None:
    dicom_tree(tmp_path)
    (tmp_path / "patient/again").symlink_to(tmp_path, target_is_directory=True)
    assert len(DicomTree(root=tmp_path).ids()) == 2


def test_a_drawing_of_no_known_series_is_told(tmp_path: Path) -> None:
    dicom_tree(tmp_path)
    structure_set(tmp_path / "patient/rt/other.dcm", "1.2.3.4", "Liver")
    (alone,) = DicomTree(root=tmp_path).masks_without_image
    assert Path(alone).name == "other.dcm"


def test_a_real_segmentation_lies_on_its_slices(shared_data: Path) -> None:
    root = shared_data / "dicom/ct_liver_seg"
    labels = DicomTree(root=root).load("ct").labels
    assert labels is not None
    drawn = [np.asarray(Image.open(path)) > 0 for path in sorted((root / "masks_png").iterdir())]
    found = {tuple(np.argwhere(mask).sum(axis=0)) for mask in drawn}
    assert found == {tuple(np.argwhere(one.numpy()).sum(axis=0)) for one in labels}
