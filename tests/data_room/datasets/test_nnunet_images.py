from __future__ import annotations

from pathlib import Path

import pytest
from layout_trees import volume
from official_trees import photograph

from medsegdiff.data.datasets.nnunet_images import NNUNetImages, has_channel_files
from medsegdiff.errors import UnreadableStudy

FILES = ("p1_0000", "p1_0001", "p2_0000", "p3_0001")


def test_a_study_that_lacks_a_channel_fails_alone_and_by_name(tmp_path: Path) -> None:
    for seed, name in enumerate(FILES):
        volume(tmp_path / f"{name}.nii.gz", seed)
    assert has_channel_files(tmp_path, 2)
    dataset = NNUNetImages.of_images(tmp_path, 2)
    assert dataset.ids() == ["p1", "p2", "p3"]
    assert len(dataset.load("p1").image) == 2
    for study, missing in (("p2", "p2_0001.nii.gz"), ("p3", "p3_0000.nii.gz")):
        with pytest.raises(UnreadableStudy, match=missing):
            dataset.load(study)


def test_a_study_of_more_channels_fails_alone(tmp_path: Path) -> None:
    for seed, name in enumerate(("p1_0000", "p1_0001", "p2_0000", "p2_0001", "p2_0002")):
        volume(tmp_path / f"{name}.nii.gz", seed)
    assert has_channel_files(tmp_path, 2)
    assert NNUNetImages.of_images(tmp_path, 2).ids() == ["p1", "p2"]


@pytest.mark.parametrize(("folder", "are_channels"), [("photos", False), ("imagesTs", True)])
def test_pictures_of_a_study_may_lack_a_channel_only_under_the_names_of_nnunet(
    tmp_path: Path, folder: str, are_channels: bool
) -> None:
    for seed, name in enumerate(FILES):
        photograph(tmp_path / folder / f"{name}.png", seed)
    assert has_channel_files(tmp_path / folder, 2) == are_channels


def test_colours_in_one_file_are_no_missing_channels(tmp_path: Path) -> None:
    photograph(tmp_path / "imagesTs/a_0000.png")
    assert len(NNUNetImages.of_images(tmp_path / "imagesTs", 3).load("a").image) == 3
