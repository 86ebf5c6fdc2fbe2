"""Studies that a JSON file or a table lists: the Decathlon, MONAI's datalist, CSV."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from layout_trees import LABELS, csv, datalist, msd, volume

from medsegdiff.data.datasets.csv import CSV
from medsegdiff.data.datasets.datalist import Datalist
from medsegdiff.data.datasets.msd import MSD
from medsegdiff.data.datasets.nnunet import NNUNet
from medsegdiff.errors import DataError


def test_a_task_of_the_decathlon_is_read(tmp_path: Path) -> None:
    msd(tmp_path)
    (tmp_path / "imagesTr/._task_001.nii.gz").touch()  # the archives were packed on a Mac
    dataset = MSD(root=tmp_path)
    splits = dataset.declared_splits()
    assert splits is not None
    assert (splits.train, splits.test) == (("task_001", "task_002"), ("task_003",))
    assert dataset.annotated_ids() == ["task_001", "task_002"]
    assert dataset.label_map is not None
    assert dataset.label_map.names == tuple(LABELS)


def test_fold_0_validates_and_folders_tell_equal_names_apart(tmp_path: Path) -> None:
    datalist(tmp_path)
    dataset = Datalist(root=tmp_path / "list.json")
    splits = dataset.declared_splits()
    assert splits is not None
    assert (splits.val, splits.train, splits.test) == (("p1_flair",), ("p2_flair",), ("p3_flair",))
    assert dataset.group("p3_flair") == "p3"


def test_a_list_alone_in_its_folder_is_found(tmp_path: Path) -> None:
    datalist(tmp_path)
    assert Datalist.recognises(tmp_path)
    assert Datalist(root=tmp_path).ids() == Datalist(root=tmp_path / "list.json").ids()


def test_dataset_json_beside_a_list_names_the_classes(tmp_path: Path) -> None:
    datalist(tmp_path)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": LABELS}))
    label_map = Datalist(root=tmp_path).label_map
    assert label_map is not None
    assert label_map.names == tuple(LABELS)


@pytest.mark.parametrize("entry", [{"label": "a"}, {"image": []}, 3])
def test_an_unusable_entry_is_named(tmp_path: Path, entry: object) -> None:
    path = tmp_path / "list.json"
    path.write_text(json.dumps({"training": [{"image": "a.nii.gz"}, entry]}))
    with pytest.raises(DataError, match='Entry 1 of "training"'):
        Datalist(root=path).ids()


def test_a_table_names_studies_splits_and_patients(tmp_path: Path) -> None:
    csv(tmp_path)
    dataset = CSV(root=tmp_path / "table.csv")
    splits = dataset.declared_splits()
    assert splits is not None
    assert (splits.val, splits.train) == (("left",), ("right",))
    assert dataset.load("right").group == "p1"
    assert len(dataset.load("right").image) == 2


def test_semicolons_and_missing_columns_are_understood(tmp_path: Path) -> None:
    volume(tmp_path / "a.nii.gz", 0)
    (tmp_path / "table.csv").write_text("Image;Label\na.nii.gz;\n\n")
    dataset = CSV(root=tmp_path / "table.csv")
    assert dataset.ids() == ["a"]
    assert dataset.annotated_ids() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,file\na,b\n", "none named image"),
        ("image,fold\na.nii.gz\n", "Line 2 .* 1 columns"),
        ("image,fold\na.nii.gz,first\n", "Line 2 .*'first'"),
        ("image,label\n,a.nii.gz\n", "Line 2 .* names no image"),
        ("image\na.nii.gz\na.nii.gz\n", "'a' more than once"),
        ("", "is empty"),
    ],
)
def test_an_unusable_table_is_explained(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        CSV(root=path).ids()


@pytest.mark.parametrize("name", ["../../evil", "..", ".", "a\\b", "/tmp/a", "a\0b", "a\x1bb"])
def test_a_name_that_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "table.csv").write_text(f"study,image\n{name},a.nii.gz\n")
    with pytest.raises(DataError, match=r"table\.csv names a study"):
        CSV(root=tmp_path).ids()
    listed = {"dataset": {name: {"images": ["a.nii.gz"]}}}
    (tmp_path / "dataset.json").write_text(json.dumps(listed))
    with pytest.raises(DataError, match=r"dataset\.json names a study"):
        NNUNet(root=tmp_path).ids()


def test_a_patient_in_two_splits_is_refused(tmp_path: Path) -> None:
    csv(tmp_path)
    path = tmp_path / "table.csv"
    path.write_text(path.read_text().replace(",p1", ",p0"))
    with pytest.raises(DataError, match="p0 in train and val"):
        CSV(root=path).declared_splits()
