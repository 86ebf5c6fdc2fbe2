from __future__ import annotations

from pathlib import Path

import pytest
from official_trees import isic2016_part3b, isic2018, photograph, square_mask

from medsegdiff.data.datasets.isic import ISIC
from medsegdiff.errors import DataError


def test_a_challenge_is_read_with_its_splits(tmp_path: Path) -> None:
    isic2018(tmp_path)
    dataset = ISIC(root=tmp_path)
    splits = dataset.declared_splits()
    assert ISIC.recognises(tmp_path)
    assert splits is not None
    assert [len(splits.train), len(splits.val), len(splits.test)] == [2, 1, 1]
    assert dataset.label_map is not None
    assert dataset.label_map.values == (0, 255)
    assert "ISIC 2018, task 1, train: 2 images, 2 with a mask" in dataset.findings[0]


def test_the_folder_of_the_authors_readme_is_read(tmp_path: Path) -> None:
    isic2016_part3b(tmp_path)
    dataset = ISIC(root=tmp_path)
    assert dataset.ids() == ["ISIC_0000000", "ISIC_0000001", "ISIC_0000002"]
    assert dataset.annotated_ids() == dataset.ids()
    sample = dataset.load("ISIC_0000002")
    assert sample.labels is not None
    assert sample.labels.sum() == 12 * 12


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("ISBI2016_ISIC_Part1_Test_Data", "ISBI2016_ISIC_Part1_Test_GroundTruth"),
        ("ISIC-2017_Test_v2_Data", "ISIC-2017_Test_v2_Part1_GroundTruth"),
        ("ISIC2018_Task1-2_Test_Input", "ISIC2018_Task1_Test_GroundTruth"),
    ],
)
def test_every_edition_is_known_by_its_folders(tmp_path: Path, images: str, masks: str) -> None:
    photograph(tmp_path / images / "ISIC_0000003.jpg")
    square_mask(tmp_path / images / "ISIC_0000003_superpixels.png")
    square_mask(tmp_path / masks / "ISIC_0000003_Segmentation.png")
    found = ISIC(root=tmp_path).find()
    assert found.studies["ISIC_0000003"].mask is not None
    assert found.studies["ISIC_0000003"].split == "test"


def test_folders_unpacked_into_themselves_and_below_others_are_found(tmp_path: Path) -> None:
    name = "ISIC2018_Task1-2_Training_Input"
    photograph(tmp_path / "raw" / name / name / "ISIC_0000003.jpg")
    assert list(ISIC(root=tmp_path).find().studies) == ["ISIC_0000003"]


def test_missing_masks_lonely_masks_and_listed_images_are_named(tmp_path: Path) -> None:
    isic2016_part3b(tmp_path)
    folder = tmp_path / "ISBI2016_ISIC_Part3B_Training_Data"
    (folder / "ISIC_0000000_Segmentation.png").unlink()
    (folder / "ISIC_0000001.jpg").unlink()
    dataset = ISIC(root=tmp_path)
    assert dataset.annotated_ids() == ["ISIC_0000002"]
    assert dataset.masks_without_image == ("ISIC_0000001",)
    assert "without an image: 1 (ISIC_0000001)" in dataset.findings[0]


def test_editions_are_not_mixed(tmp_path: Path) -> None:
    isic2018(tmp_path)
    isic2016_part3b(tmp_path)
    with pytest.raises(DataError, match="2016, part 3B and ISIC 2018"):
        ISIC(root=tmp_path).ids()


def test_the_same_image_in_two_splits_is_refused(tmp_path: Path) -> None:
    isic2018(tmp_path)
    photograph(tmp_path / "ISIC2018_Task1-2_Test_Input/ISIC_0000000.jpg")
    with pytest.raises(DataError, match=r"ISIC_0000000.* there twice"):
        ISIC(root=tmp_path).ids()


def test_other_folders_are_left_to_others(tmp_path: Path) -> None:
    photograph(tmp_path / "images" / "a.jpg")
    assert not ISIC.recognises(tmp_path)
    assert not ISIC.recognises(tmp_path / "nowhere")
