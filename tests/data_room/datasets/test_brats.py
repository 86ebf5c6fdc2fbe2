from __future__ import annotations

from pathlib import Path

import pytest
from official_trees import brats2020, brats2023, brats_study

from medsegdiff.data.datasets.brats import BraTS
from medsegdiff.errors import DataError, UnreadableStudy

OLD = ("flair", "t1", "t1ce", "t2")


def touched(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_the_channels_of_a_study_are_in_order(tmp_path: Path) -> None:
    brats2020(tmp_path)
    found = BraTS(root=tmp_path).find()
    files = found.studies["BraTS20_Training_001"]
    assert BraTS.recognises(tmp_path)
    assert [path.name[21:] for path in files.images] == [
        f"{kind}.nii.gz" for kind in ("t1", "t1ce", "t2", "flair")
    ]
    assert files.mask is not None
    assert files.split == "train"
    assert found.findings[0].startswith("BraTS (naming of 2017 to 2021): 2 studies of 2 patients")


@pytest.mark.parametrize(("tree", "enhancing"), [(brats2020, 4), (brats2023, 3)])
def test_regions_are_those_of_the_challenge(tmp_path: Path, tree, enhancing: int) -> None:
    tree(tmp_path)
    declared = BraTS(root=tmp_path).find().declaration
    assert declared.labels == {
        "background": 0,
        "whole tumour": [1, 2, enhancing],
        "tumour core": [1, enhancing],
        "enhancing tumour": enhancing,
    }
    assert declared.regions_class_order == (2, 1, enhancing)


def test_visits_of_a_patient_belong_together(tmp_path: Path) -> None:
    brats2023(tmp_path)
    dataset = BraTS(root=tmp_path)
    assert dataset.group("BraTS-GLI-00000-001") == dataset.group("BraTS-GLI-00000-000")
    assert dataset.group("BraTS-GLI-00002-000") == "BraTS-GLI-00002"


def test_the_folders_of_2015_are_read(tmp_path: Path) -> None:
    study = tmp_path / "BRATS2015_Training" / "HGG" / "brats_tcia_pat101_0083"
    for kind in ("XX.O.MR_Flair", "XX.O.MR_T1", "XX.O.MR_T1c", "XX.O.MR_T2"):
        touched(study / f"VSD.Brain.{kind}.54512", f"VSD.Brain.{kind}.54512.mha", "readme.txt")
    touched(study / "VSD.Brain_3more.XX.O.OT.54517", "VSD.Brain_3more.XX.O.OT.54517.mha")
    found = BraTS(root=tmp_path).find()
    files = found.studies["brats_tcia_pat101_0083"]
    assert [path.name.split(".")[4] for path in files.images] == [
        "MR_T1",
        "MR_T1c",
        "MR_T2",
        "MR_Flair",
    ]
    assert files.mask is not None
    assert files.group == "brats_tcia_pat101"
    assert found.declaration.labels is not None
    assert found.declaration.labels["whole tumour"] == [1, 2, 3, 4]


def test_slices_of_the_authors_readme_do_not_know_their_patients(tmp_path: Path) -> None:
    for folder in ("training/slice0001", "training/slice0002", "testing/slice1000"):
        touched(tmp_path / "data" / folder, *(f"{kind}.nii.gz" for kind in (*OLD, "seg")))
    found = BraTS(root=tmp_path).find()
    splits = {study: files.split for study, files in found.studies.items()}
    assert splits == {"slice0001": "train", "slice0002": "train", "slice1000": "test"}
    assert found.studies["slice0001"].group is None
    assert "do not say their patients" in found.findings[1]


def test_patients_of_slices_may_be_declared(tmp_path: Path) -> None:
    for name in ("slice0001", "slice0002"):
        touched(tmp_path / "training" / name, *(f"{kind}.nii.gz" for kind in OLD))
    (tmp_path / "dataset.json").write_text('{"groups": {"slice0001": 7, "slice0002": 7}}')
    dataset = BraTS(root=tmp_path)
    assert dataset.group("slice0001") == dataset.group("slice0002") == "7"
    assert len(dataset.find().findings) == 1


def test_slices_of_the_authors_loader_know_their_patients(tmp_path: Path) -> None:
    for number in ("080", "081"):
        names = (f"brats_train_001_{kind}_{number}_w.nii.gz" for kind in (*OLD, "seg"))
        touched(tmp_path / "training" / f"000{number}", *names)
    studies = BraTS(root=tmp_path).find().studies
    assert {files.group for files in studies.values()} == {"brats_train_001"}


def test_missing_sequences_and_masks_are_named(tmp_path: Path) -> None:
    brats2020(tmp_path)
    folder = tmp_path / "MICCAI_BraTS2020_TrainingData"
    (folder / "BraTS20_Training_001" / "BraTS20_Training_001_seg.nii.gz").unlink()
    touched(folder / "BraTS20_Training_003", "BraTS20_Training_003_t1.nii", "survival.csv")
    dataset = BraTS(root=tmp_path)
    assert dataset.ids() == [f"BraTS20_Training_00{number}" for number in (1, 2, 3)]
    assert dataset.annotated_ids() == ["BraTS20_Training_002"]
    assert "BraTS20_Training_003 without t1ce and t2 and flair" in dataset.find().findings[1]


def test_a_study_without_a_sequence_fails_by_name(tmp_path: Path) -> None:
    brats2020(tmp_path)
    study = tmp_path / "MICCAI_BraTS2020_TrainingData/BraTS20_Training_001"
    (study / "BraTS20_Training_001_t1ce.nii.gz").unlink()
    dataset = BraTS.of_images(tmp_path, 4)
    assert len(dataset.load("BraTS20_Training_002").image) == 4
    with pytest.raises(UnreadableStudy, match=r"BraTS20_Training_001_t1ce\.nii\.gz"):
        dataset.load("BraTS20_Training_001")


def test_the_mask_with_another_name_is_found(tmp_path: Path) -> None:
    names = (f"BraTS20_Training_355_{kind}.nii" for kind in OLD)
    touched(tmp_path / "BraTS20_Training_355", *names, "W39_1998.09.19_Segm.nii")
    files = BraTS(root=tmp_path).find().studies["BraTS20_Training_355"]
    assert files.mask is not None
    assert files.mask.name == "W39_1998.09.19_Segm.nii"


def test_twins_are_refused(tmp_path: Path) -> None:
    touched(tmp_path / "a", *(f"a_{kind}.nii" for kind in OLD), "a_t1.nii.gz")
    with pytest.raises(DataError, match="both be the t1 of one study"):
        BraTS(root=tmp_path).ids()


def test_years_with_other_numbers_are_not_mixed(tmp_path: Path) -> None:
    touched(tmp_path / "a", *(f"a_{kind}.nii" for kind in OLD))
    touched(tmp_path / "b", *(f"b-{kind}.nii" for kind in ("t1n", "t1c", "t2w", "t2f")))
    with pytest.raises(DataError, match="2023 and after, naming of 2017"):
        BraTS(root=tmp_path).ids()


def test_the_same_name_in_two_folders_is_two_studies(tmp_path: Path) -> None:
    for grade in ("HGG", "LGG"):
        touched(tmp_path / grade / "a", *(f"a_{kind}.nii" for kind in OLD))
    assert list(BraTS(root=tmp_path).find().studies) == ["HGG_a", "LGG_a"]


def test_a_study_is_read_on_one_grid(tmp_path: Path) -> None:
    names = [f"a_{kind}.nii.gz" for kind in OLD]
    brats_study(tmp_path / "a", names, "a_seg.nii.gz", 4)
    dataset = BraTS(root=tmp_path)
    sample = dataset.load("a")
    assert sample.image.shape == (4, 5, 12, 14)
    assert sample.labels is not None
    assert dataset.label_map is not None
    voxels = {name: int(mask.sum()) for name, mask in dataset.label_map.structures(sample.labels)}
    assert voxels == {"whole tumour": 3 * 64, "tumour core": 3 * 25, "enhancing tumour": 75 - 4}
    assert dataset.label_map.decode(sample.labels).max() == 4
    assert sample.geometry.spacing_mm == (2.0, 1.0, 1.0)


def test_bids_is_left_to_others(tmp_path: Path) -> None:
    touched(tmp_path / "sub-01" / "anat", *(f"sub-01_{k}.nii.gz" for k in ("T1w", "T2w", "FLAIR")))
    assert not BraTS.recognises(tmp_path)
