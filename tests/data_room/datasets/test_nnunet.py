from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from layout_trees import LABELS, nnunet, nnunet_images, nnunet_v1, volume
from official_trees import VOLUME, photograph, square_mask

from medsegdiff.data.datasets.nnunet import NNUNet
from medsegdiff.data.datasets.nnunet_images import NNUNetImages, has_channel_files
from medsegdiff.errors import DataError, UnreadableStudy


def test_channels_are_files_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    nnunet(tmp_path)
    dataset = NNUNet(root=tmp_path)
    assert dataset.channel_names == ("FLAIR", "T1c")
    assert [path.name for path in dataset.files("b")] == [
        "b_0000.nii.gz",
        "b_0001.nii.gz",
        "b.nii.gz",
    ]
    assert dataset.load("b").image.shape == (2, *VOLUME)


def test_folders_are_splits(tmp_path: Path) -> None:
    nnunet(tmp_path)
    splits = NNUNet(root=tmp_path).declared_splits()
    assert splits is not None
    assert (splits.train, splits.val, splits.test) == (("a", "b", "c"), (), ("d",))


def test_fold_0_of_splits_final_validates(tmp_path: Path) -> None:
    nnunet(tmp_path)
    folds = [{"train": ["a", "c"], "val": ["b"]}, {"train": ["b"], "val": ["a"]}]
    (tmp_path / "splits_final.json").write_text(json.dumps(folds))
    splits = NNUNet(root=tmp_path).declared_splits()
    assert splits is not None
    assert (splits.train, splits.val) == (("a", "c"), ("b",))


def test_the_first_version_is_understood(tmp_path: Path) -> None:
    nnunet_v1(tmp_path)
    dataset = NNUNet(root=tmp_path)
    assert dataset.channel_names == ("CT",)
    assert dataset.label_map is not None
    assert dataset.label_map.names == tuple(LABELS)


def test_a_missing_channel_is_named_when_its_study_is_read(tmp_path: Path) -> None:
    nnunet(tmp_path)
    (tmp_path / "imagesTr/b_0001.nii.gz").unlink()
    dataset = NNUNet(root=tmp_path)
    assert dataset.load("a").labels is not None
    with pytest.raises(UnreadableStudy, match=r"b_0001\.nii\.gz"):
        dataset.load("b")


def test_what_is_not_trained_on_is_told(tmp_path: Path) -> None:
    nnunet(tmp_path)
    (tmp_path / "labelsTr/b.nii.gz").unlink()
    (tmp_path / "labelsTs/d.nii.gz").unlink()
    shutil.copy(tmp_path / "imagesTr/a_0000.nii.gz", tmp_path / "imagesTr/scan.nii.gz")
    findings = NNUNet(root=tmp_path).findings
    assert "Left out, images that are not named like X_0000: 1 (imagesTr/scan.nii.gz)." in findings
    assert "Without a mask, and so left out of training: 1 (b)." in findings
    assert "To test on, but without a mask to compare with: 1 (d)." in findings


def test_twins_are_refused(tmp_path: Path) -> None:
    nnunet(tmp_path)
    (tmp_path / "imagesTr/a_0000.nii").touch()
    with pytest.raises(DataError, match="channel 0 of study 'a'"):
        NNUNet(root=tmp_path).ids()


def test_files_may_be_listed_one_by_one(tmp_path: Path) -> None:
    volume(tmp_path / "scans/x.nii.gz", 0, tmp_path / "drawn/x.nii.gz")
    listed = {"x1": {"images": ["scans/x.nii.gz"], "label": "drawn/x.nii.gz"}}
    about = {"channel_names": {"0": "CT"}, "labels": LABELS, "dataset": listed}
    (tmp_path / "dataset.json").write_text(json.dumps(about))
    assert NNUNet.recognises(tmp_path)
    assert NNUNet(root=tmp_path).load("x1").labels is not None


def test_a_picture_keeps_its_colours_in_one_file(tmp_path: Path) -> None:
    photograph(tmp_path / "imagesTr/a_0000.png")
    square_mask(tmp_path / "labelsTr/a.png", (0, 1))
    names = {"0": "R", "1": "G", "2": "B"}
    about = {"channel_names": names, "labels": {"background": 0, "square": 1}}
    (tmp_path / "dataset.json").write_text(json.dumps(about))
    assert NNUNet(root=tmp_path).load("a").image.shape[0] == 3


def test_a_folder_of_channels_can_be_predicted(tmp_path: Path) -> None:
    nnunet_images(tmp_path)
    dataset = NNUNetImages.of_images(tmp_path, channels=2)
    assert dataset.ids() == ["a", "b"]
    assert NNUNetImages.of_images(tmp_path / "b_0000.nii.gz", channels=2).ids() == ["b"]


def test_numbered_photographs_are_channels_only_for_a_model_of_as_many(tmp_path: Path) -> None:
    for number in range(2):
        photograph(tmp_path / f"a_{number:04d}.png", number)
    assert not NNUNetImages.recognises(tmp_path)
    assert [has_channel_files(tmp_path, channels) for channels in (1, 2, 3)] == [False, True, False]
