"""A damaged study in a tree of volumes: the masks of the others are those of a tree without it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import layout_trees
import official_trees
import pytest
from volume_memory import stand_in

from medsegdiff.engine.folder_prediction import predict_folder

BRATS = "ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData/BraTS-GLI-00002-000"
TREES = {
    "nnU-Net imagesTs": (layout_trees.nnunet_images, "imagesTs", "b_0001.nii.gz", 2),
    "BraTS": (official_trees.brats2023, ".", f"{BRATS}/BraTS-GLI-00002-000-t2f.nii.gz", 4),
    "BIDS": (layout_trees.bids, ".", "sub-02/ses-1/anat/sub-02_ses-1_T1w.nii.gz", 1),
}


@pytest.mark.parametrize(("fill", "place", "file", "channels"), TREES.values(), ids=TREES)
def test_the_other_studies_come_out_bit_identical(
    fill: Callable[[Path], None], place: str, file: str, channels: int, tmp_path: Path
):
    model = stand_in((4, 8, 8), tuple(f"channel_{k}" for k in range(channels)))
    sound, mixed = tmp_path / "sound" / place, tmp_path / "mixed" / place
    sound.mkdir(parents=True)
    fill(sound)
    shutil.copytree(sound, mixed)
    (mixed / file).write_bytes((mixed / file).read_bytes()[:-40])
    outs = [tmp_path / "out-sound", tmp_path / "out-mixed"]
    whole, others = (
        list(predict_folder(tree, out, model))
        for tree, out in zip((sound, mixed), outs, strict=True)
    )
    assert not [one for one in whole if one.error is not None]
    (failed,) = [one.study for one in others if one.error is not None]
    masks = [{path.name: path.read_bytes() for path in out.glob("*.nii.gz")} for out in outs]
    assert masks[0].pop(f"{failed}.nii.gz")
    assert masks[0]
    assert masks[0] == masks[1]
