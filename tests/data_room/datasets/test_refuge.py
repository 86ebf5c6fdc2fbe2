from __future__ import annotations

import json
from pathlib import Path

import pytest
from official_trees import photograph, refuge, refuge2_copy, square_mask

from medsegdiff.data.datasets.refuge import REFUGE
from medsegdiff.errors import DataError


def test_the_official_folders_are_read_with_their_splits(tmp_path: Path) -> None:
    refuge(tmp_path)
    dataset = REFUGE(root=tmp_path)
    splits = dataset.declared_splits()
    assert splits is not None
    assert splits.train == ("g0001", "n0001")
    assert (splits.val, splits.test) == (("V0001",), ("T0001",))
    assert dataset.findings[0].startswith("REFUGE, train: 2 images, 2 with a mask")


def test_cup_rim_and_background_are_told_apart(tmp_path: Path) -> None:
    refuge(tmp_path)
    labels = REFUGE(root=tmp_path).load("g0001").labels
    assert labels is not None
    assert labels[0, 0] == 0
    assert labels[7, 9] == 1
    assert labels[12, 14] == 2
    assert (labels == 2).sum() == 36


def test_a_copy_with_three_folders_is_read(tmp_path: Path) -> None:
    refuge2_copy(tmp_path)
    assert REFUGE.recognises(tmp_path)
    dataset = REFUGE(root=tmp_path)
    assert dataset.ids() == dataset.annotated_ids() == ["T0001", "V0001", "g0001"]


def test_missing_and_lonely_masks_and_strange_files_are_named(tmp_path: Path) -> None:
    refuge(tmp_path)
    (tmp_path / "REFUGE-Validation400-GT/Disc_Cup_Masks/V0001.bmp").unlink()
    (tmp_path / "REFUGE-Test400/T0001.jpg").unlink()
    photograph(tmp_path / "REFUGE-Test400/overview.jpg")
    photograph(tmp_path / "train/Images_Cropped/n0001.jpg")
    square_mask(tmp_path / "__MACOSX/Training400/Glaucoma/g0002.jpg")
    dataset = REFUGE(root=tmp_path)
    assert dataset.ids() == ["V0001", "g0001", "n0001"]
    assert dataset.annotated_ids() == ["g0001", "n0001"]
    assert dataset.masks_without_image == ("T0001",)


def test_two_copies_of_an_image_are_refused(tmp_path: Path) -> None:
    refuge(tmp_path)
    photograph(tmp_path / "again/g0001.jpg")
    with pytest.raises(DataError, match="both be study 'g0001'"):
        REFUGE(root=tmp_path).ids()


def test_masks_alone_say_what_to_unpack(tmp_path: Path) -> None:
    square_mask(tmp_path / "Annotation-Training400/Disc_Cup_Masks/Glaucoma/g0001.bmp")
    with pytest.raises(DataError, match=r"Training400\.zip"):
        REFUGE(root=tmp_path).ids()


def test_other_folders_of_masks_are_left_to_others(tmp_path: Path) -> None:
    square_mask(tmp_path / "train/masks/cat.png")
    square_mask(tmp_path / "masks/g0001.png")
    assert not REFUGE.recognises(tmp_path)


def test_regions_may_be_declared_beside_the_data(tmp_path: Path) -> None:
    refuge(tmp_path)
    declared = {
        "labels": {"background": 0, "optic disc": [1, 2], "optic cup": 2},
        "regions_class_order": [1, 2],
        "label_values": {"background": 255, "label_1": 128, "optic cup": 0},
    }
    (tmp_path / "dataset.json").write_text(json.dumps(declared))
    dataset = REFUGE(root=tmp_path)
    assert dataset.label_map is not None
    masks = dict(dataset.label_map.structures(dataset.load("g0001").labels))
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {
        "optic disc": 144,
        "optic cup": 36,
    }
    assert dataset.channel_names == ("red", "green", "blue")
