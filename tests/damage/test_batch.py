"""Damaged studies in a folder: the masks of all the others are those of a folder without them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from damage.generator import damaged
from damage.study import Expected

from medsegdiff.engine.folder_prediction import predict_folder
from medsegdiff.engine.pipeline import MedSegDiffPipeline

GOOD = 4
BAD = (0,)  # a truncated PNG


@pytest.fixture
def folders(skin_data: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A folder of four sound images, and one that holds a damaged one besides."""
    sound, mixed = tmp_path / "sound", tmp_path / "mixed"
    for folder in (sound, mixed):
        folder.mkdir()
        for image in sorted((skin_data / "images").iterdir())[:GOOD]:
            shutil.copy(image, folder)
    for number in BAD:
        given = damaged(0, number)
        assert given.expected is Expected.REFUSED
        (mixed / f"ISIC_{number:07d}.png").write_bytes(given.study.content())
    return sound, mixed


def test_the_other_studies_come_out_bit_identical(folders: tuple[Path, Path], tmp_path: Path):
    model = MedSegDiffPipeline.from_pretrained("skin-lesion", device="cpu").model
    outs = [tmp_path / "out-sound", tmp_path / "out-mixed"]
    results = [
        list(predict_folder(folder, out, model)) for folder, out in zip(folders, outs, strict=True)
    ]
    failed = [one.study for one in results[1] if one.error is not None]
    assert failed == [f"ISIC_{number:07d}" for number in BAD]
    masks = [{file.name: file.read_bytes() for file in out.glob("*.png")} for out in outs]
    assert len(masks[0]) == GOOD
    assert masks[0] == masks[1]
