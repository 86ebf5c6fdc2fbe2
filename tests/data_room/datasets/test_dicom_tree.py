from __future__ import annotations

import re
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest
from layout_trees import SERIES, dicom_tree, structure_set, write_json
from official_trees import ct_series
from PIL import Image
from pydicom import dcmread

from medsegdiff.data.datasets.dicom_tree import DicomTree
from medsegdiff.data.formats.dicom import series_in
from medsegdiff.errors import DataError, UnreadableStudy

DRAWING = "patient/rt/structures.dcm"


def change(folder: Path, **elements: object) -> Path:
    """Rewrite headers of a series."""
    for path in folder.iterdir():
        dataset = dcmread(path)
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)
    return folder


def cut_off(path: Path, kept: int = 440) -> Path:
    """Keep the first bytes of a file."""
    path.write_bytes(path.read_bytes()[:kept])
    return path


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


def test_series_of_one_patient_stay_together_under_a_number(tmp_path: Path) -> None:
    dicom_tree(tmp_path)
    change(tmp_path / "patient/follow_up", PatientID=" LIDC-IDRI-0001 ")
    ct_series(tmp_path / "another", f"{SERIES}.8")
    change(tmp_path / "another", PatientID="1234567")
    dataset = DicomTree(root=tmp_path)
    groups = [dataset.group(study) for study in dataset.ids()]
    assert groups == ["patient_1", "patient_2", "patient_2"]


def two_classes(root: Path) -> DicomTree:
    dicom_tree(root)
    structure_set(root / "patient/rt/other.dcm", f"{SERIES}.9", "Tumour ")
    return DicomTree(root=root)


def test_classes_follow_their_numbers_and_not_their_order(tmp_path: Path) -> None:
    labels = {"background": 0, "ignore": 7, "tumour": 5, "Liver": 1}
    write_json(tmp_path / "dataset.json", {"labels": labels})
    dataset = two_classes(tmp_path)
    assert dataset.label_map is not None
    assert dataset.label_map.names == ("background", "Liver", "tumour")
    drawn = [dataset.load(f"patient_{end}").labels for end in ("ct", "follow_up")]
    assert [int(one.max()) for one in drawn if one is not None] == [1, 2]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"labels": {"background": 0, "abdomen": [1, 2], "Tumour": 2}}, "region 'abdomen'"),
        (
            {"labels": {"background": 0, "Liver": 1}, "label_values": {"Liver": 9}},
            r"stored values.*names",
        ),
    ],
)
def test_regions_and_stored_values_are_refused(
    tmp_path: Path, declared: dict[str, object], said: str
) -> None:
    write_json(tmp_path / "dataset.json", declared)
    with pytest.raises(DataError, match=said):
        two_classes(tmp_path).ids()
    assert len(DicomTree.of_images(tmp_path).ids()) == 2


def test_a_wanted_segment_that_a_file_lacks_is_told(tmp_path: Path) -> None:
    labels = {"background": 0, "Liver": 1, "Tumuor": 2}
    write_json(tmp_path / "dataset.json", {"labels": labels})
    dicom_tree(tmp_path)
    findings = DicomTree(root=tmp_path).findings
    assert any("'Tumuor', and so none of it, in 1 (patient_ct)" in one for one in findings)
    assert not any("'Liver'" in one for one in findings)


def test_a_damaged_slice_fails_its_own_study_alone(tmp_path: Path) -> None:
    dicom_tree(tmp_path)
    bad = cut_off(tmp_path / "patient/follow_up/1-002.dcm")
    dataset = DicomTree(root=tmp_path)
    assert dataset.load("patient_ct").labels is not None
    assert dataset.group("patient_follow_up") == dataset.group("patient_ct")
    with pytest.raises(UnreadableStudy, match=bad.name):
        dataset.load("patient_follow_up")


def test_a_damaged_segmentation_is_told(tmp_path: Path) -> None:
    dicom_tree(tmp_path)
    cut_off(tmp_path / DRAWING)
    dataset = DicomTree(root=tmp_path)
    assert dataset.ids() == ["patient_ct", "patient_follow_up"]
    assert dataset.load("patient_ct").labels is None
    assert any(f"damaged segmentation: {DRAWING}" in finding for finding in dataset.findings)


def test_two_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    ct_series(tmp_path / "a/b_c", SERIES)
    ct_series(tmp_path / "a_b/c", f"{SERIES}.9")
    with pytest.raises(DataError, match=r"^a.b_c and a_b.c would both be study 'a_b_c'"):
        DicomTree(root=tmp_path).ids()


def test_the_channel_is_named_for_the_modality_of_all(tmp_path: Path) -> None:
    dicom_tree(tmp_path)
    assert DicomTree(root=tmp_path).channel_names == ("CT",)
    assert DicomTree(root=tmp_path).load("patient_follow_up").modality == "CT"
    change(tmp_path / "patient/follow_up", Modality="MR")
    dataset = DicomTree(root=tmp_path)
    assert dataset.channel_names == ("channel_0",)
    assert any("mixed: CT, MR" in finding for finding in dataset.findings)


def private_tree(root: Path) -> DicomTree:
    for number, place in enumerate(("DOE^JOHN_123/ct", "DOE^JOHN_123/mr", "phantom/ct")):
        ct_series(root / place, f"{SERIES}.{number}")
    for place in ("ct", "mr"):
        change(root / "DOE^JOHN_123" / place, PatientName="Doe^John", PatientID="123")
    structure_set(root / "DOE^JOHN_123/rt/john.dcm", f"{SERIES}.0", "Liver")
    return DicomTree(root=root)


def test_folders_that_tell_a_patient_give_no_names(tmp_path: Path) -> None:
    dataset = private_tree(tmp_path)
    assert [name[:8] for name in dataset.ids()] == ["phantom_", "study_1_", "study_2_"]
    assert dataset.load(dataset.ids()[1]).labels is not None
    assert any("2 folder(s) are named after their patients" in one for one in dataset.findings)
    assert not any("john" in one.lower() for one in dataset.findings)


@pytest.mark.parametrize(
    ("folder", "bad", "said"),
    [
        ("DOE^JOHN_123/mr", "1-002.dcm", "^study_2/1-002.dcm "),
        ("DOE^JOHN_123/mr", "john_2.dcm", r"^study_2/a file named after its patient \(number 4\) "),
        ("ROE^RICHARD", "1-001.dcm", "^study_3/1-001.dcm "),
    ],
)
def test_an_error_says_which_file_and_not_whose(
    tmp_path: Path, folder: str, bad: str, said: str
) -> None:
    private_tree(tmp_path)
    ct_series(tmp_path / "ROE^RICHARD", f"{SERIES}.8", slices=1)
    files = sorted((tmp_path / folder).iterdir())
    cut_off(files[-1].rename(tmp_path / folder / bad), kept=600 if "DOE" in folder else 200)
    dataset = DicomTree(root=tmp_path)
    study = next(one for one in dataset.ids() if one.startswith(said[1:8]))
    with pytest.raises(UnreadableStudy, match=said) as told:
        dataset.load(study)
    assert not re.search(r"john|doe\b|roe\b|richard", str(told.value), re.IGNORECASE)
    with pytest.raises(UnreadableStudy, match=said):
        dataset.header(study)


def test_an_error_on_a_drawing_tells_no_patient(tmp_path: Path) -> None:
    dataset = private_tree(tmp_path)
    study = dataset.ids()[1]
    assert dataset.label_map is not None
    cut_off(tmp_path / "DOE^JOHN_123/rt/john.dcm")
    with pytest.raises(UnreadableStudy, match=f"^{study}/a file named after its patient "):
        dataset.load(study)


def test_a_number_never_stands_for_another_series(tmp_path: Path) -> None:
    before = private_tree(tmp_path).ids()
    rmtree(tmp_path / "DOE^JOHN_123/ct")
    (now,) = set(DicomTree(root=tmp_path).ids()) - {"phantom_ct"}
    assert now.startswith("study_1_")
    assert now not in before


def test_a_damaged_study_beside_folders_of_patients_has_a_number(tmp_path: Path) -> None:
    private_tree(tmp_path)
    ct_series(tmp_path / "ROE^RICHARD", f"{SERIES}.8", slices=1)
    cut_off(tmp_path / "ROE^RICHARD/1-001.dcm", kept=200)
    assert DicomTree(root=tmp_path).ids()[-1] == "study_3"


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
    files = series_in(root / "ct")[0].files  # by position
    drawn = [np.asarray(Image.open(root / f"masks_png/{file.stem}.png")) > 0 for file in files]
    assert np.array_equal(labels.numpy(), drawn)
