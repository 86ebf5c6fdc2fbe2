from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from medsegdiff.data import Dataset, Folder, Splits
from medsegdiff.errors import DataError, GridMismatch, UnreadableStudy

Make = Callable[..., Folder]
Save = Callable[..., Path]
SETS_2D = [
    "cells_bubil_5raters",
    "cxr_lungs_shenzhen",
    "fundus_disccup_drishti",
    "fundus_vessels_chase_2raters",
    "mri_cardiac_sunnybrook",
    "nuclei_dsb2018",
    "skin_isic2017",
    "us_fetalhead_hc18",
    "wbc_multiclass_ds1",
]


@pytest.mark.parametrize("name", SETS_2D)
def test_a_real_data_set_is_read_as_it_declares_itself(shared_data: Path, name: str) -> None:
    folder = Folder(root=shared_data / name)
    declared = json.loads((shared_data / name / "dataset.json").read_text())
    splits = folder.declared_splits()
    assert splits is not None
    assert len(splits.train) == declared["numTraining"]
    assert folder.label_map is not None
    assert list(folder.label_map.names) == list(declared["labels"])
    for study in splits.test[:3]:
        sample = folder.load(study)
        assert sample.labels is not None
        assert len(sample.image) == len(declared["channel_names"])
        assert sample.labels.max() > 0


def test_own_data_need_no_loader(make_folder: Make) -> None:
    folder = make_folder("ab")
    sample = folder.load("b")
    assert sample.image.shape == (1, 24, 32)
    assert sample.labels is not None
    assert sample.labels.sum() == 12 * 12
    assert folder.label_map is not None
    assert folder.label_map.values == (0, 255)
    assert folder.findings == ("Masks hold 0 (background), 255 (foreground).",)


def test_a_lone_image_can_be_opened(skin_data: Path) -> None:
    path = next((skin_data / "images").iterdir())
    folder = Folder.of_images(path, channels=3)
    sample = folder.load(path.stem)
    assert sample.labels is None
    assert folder.label_map is None
    assert folder.declared_splits() is None


def test_a_folder_without_masks_can_be_predicted_but_not_trained_on(save: Save) -> None:
    path = save("images/a.png", np.zeros((20, 20), dtype=np.uint8))
    folder = Folder.of_images(path.parent)
    assert folder.ids() == ["a"]
    assert folder.annotated_ids() == []


def test_mixed_grey_and_colour_are_all_colour_and_reported(save: Save) -> None:
    save("images/a.png", np.full((20, 20), 9, dtype=np.uint8))
    root = save("images/b.png", np.full((20, 20, 3), (1, 2, 200), dtype=np.uint8)).parent.parent
    folder = Folder(root=root)
    assert [folder.load(study).image.shape[0] for study in "ab"] == [3, 3]
    assert folder.channel_names == ("red", "green", "blue")
    assert any("mixed" in finding for finding in folder.findings)


def test_colour_where_grey_is_expected_is_refused_unless_it_shows_none(save: Save) -> None:
    path = save("a.png", np.full((20, 20, 3), 50, dtype=np.uint8))
    assert Folder.of_images(path, channels=1).load("a").image.unique().tolist() == [50.0]
    path = save("a.png", np.full((20, 20, 3), (1, 2, 200), dtype=np.uint8))
    with pytest.raises(DataError, match="3 channels, but 1"):
        Folder.of_images(path, channels=1).load("a")


def test_a_mask_of_another_size_is_refused_with_both_names(make_folder: Make, save: Save) -> None:
    folder = make_folder("a")
    save("masks/a.png", np.zeros((12, 16), dtype=np.uint8))
    with pytest.raises(GridMismatch, match=r"masks.a\.png is 16 x 12 .*images.a\.png is 32 x 24"):
        folder.load("a")


def test_a_bad_mask_value_names_the_file(make_folder: Make, save: Save) -> None:
    folder = make_folder("ab")
    assert folder.label_map is not None
    save("masks/b.png", np.full((24, 32), 7, dtype=np.uint8))
    with pytest.raises(DataError, match=r"b\.png cannot be used.* 7 in 768 voxel"):
        folder.load("b")


def test_one_bad_mask_does_not_close_the_data_set(make_folder: Make, tmp_path: Path) -> None:
    folder = make_folder("ab")
    (tmp_path / "masks/a.png").write_text("a note")
    assert folder.load("b").labels is not None
    with pytest.raises(UnreadableStudy, match=r"masks.a\.png"):
        folder.load("a")


def test_raters_are_read_like_masks(make_folder: Make, save: Save) -> None:
    folder = make_folder("ab")
    save("raters/r1/a.png", np.full((24, 32), 255, dtype=np.uint8))
    fresh = Folder(root=folder.root)
    assert fresh.load("a").raters["r1"].equal(torch.ones(24, 32, dtype=torch.int64))
    assert dict(fresh.load("b").raters) == {}
    assert [path.parent.name for path in fresh.files("a")] == ["images", "masks", "r1"]


def test_groups_come_from_a_pattern_or_a_list(make_folder: Make) -> None:
    folder = make_folder(["p1_a", "p1_b", "p2_a"], group_pattern=r"^(p\d)", groups={"p2_a": "x"})
    assert [folder.group(study) for study in folder.ids()] == ["p1", "p1", "x"]
    assert folder.load("p1_b").group == "p1"
    assert make_folder(group_pattern="(q)").group("p1_a") == "p1_a"


@pytest.mark.parametrize("pattern", ["(", "p"])
def test_a_useless_group_pattern_is_refused(make_folder: Make, pattern: str) -> None:
    with pytest.raises(DataError, match="group_pattern"):
        make_folder(group_pattern=pattern).group("a")


def write_splits(folder: Folder, content: object) -> Folder:
    (folder.root / "splits.json").write_text(json.dumps(content))
    return folder


def test_declared_splits_are_read(make_folder: Make) -> None:
    folder = write_splits(make_folder(), {"train": ["a", "b"], "val": ["c"]})
    assert folder.declared_splits() == Splits(train=("a", "b"), val=("c",))


def test_splits_that_tear_a_patient_apart_are_refused(make_folder: Make) -> None:
    folder = make_folder(["p1_a", "p1_b"], group_pattern=r"^(p\d)")
    write_splits(folder, {"train": ["p1_a"], "test": ["p1_b"]})
    with pytest.raises(DataError, match="p1 in train and test"):
        folder.declared_splits()
    assert folder.declared_splits(is_checked=False) is not None


@pytest.mark.parametrize("content", [{"train": ["z"]}, {"trian": ["a"]}, {"train": "a"}, [1]])
def test_unusable_splits_are_refused(make_folder: Make, content: object) -> None:
    with pytest.raises(DataError, match=r"splits\.json"):
        write_splits(make_folder(), content).declared_splits()


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_a_broken_dataset_json_is_named(make_folder: Make, content: str) -> None:
    folder = make_folder()
    (folder.root / "dataset.json").write_text(content)
    with pytest.raises(DataError, match=r"dataset\.json"):
        folder.group("a")


def test_images_without_mask_are_told(make_folder: Make, save: Save) -> None:
    folder = make_folder("ab")
    save("images/c.png", np.zeros((24, 32), dtype=np.uint8))
    save("masks/d.png", np.zeros((24, 32), dtype=np.uint8))
    fresh = Folder(root=folder.root)
    assert fresh.annotated_ids() == ["a", "b"]
    assert any(
        "Without a mask, and so left out of training: 1 (c)" in finding
        for finding in fresh.findings
    )
    assert fresh.masks_without_image == ("d",)


def test_a_folder_is_chosen_by_name(tmp_path: Path) -> None:
    assert Dataset.model_validate({"name": "folder", "root": tmp_path}) == Folder(root=tmp_path)


def test_masks_are_not_looked_at_to_predict(make_folder: Make, save: Save) -> None:
    folder = make_folder("a")
    save("masks/a.png", np.zeros((9, 9), dtype=np.uint8))
    opened = Folder.of_images(folder.root)
    assert opened.load("a").labels is None
    assert opened.findings == ()
