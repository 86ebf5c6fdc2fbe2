"""Damaged studies in a folder: the masks of all the others are those of a folder without them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from damage.bombs import BOMBS, bomb
from damage.generator import LIES, damaged
from damage.sound import sound
from damage.study import Damaged, Expected
from volume_memory import stand_in

from medsegdiff.engine.folder_prediction import predict_folder
from medsegdiff.engine.pipeline import MedSegDiffPipeline

GOOD = 4
BAD = (0,)  # a truncated PNG
PICTURES = ("png", "jpg", "bmp", "tif", "tif (deflate)")
VOLUMES = ("nii", "nii.gz", "nrrd", "nrrd (gzip)", "mha", "mha (zlib)", "mhd + raw")


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


def bad_company(kinds: tuple[str, ...]) -> list[Damaged]:
    """Of each format a header that lies, and a bomb where there is one."""
    lying = (
        next(lie for lie in LIES[kind] if lie.expected is Expected.REFUSED).told(sound(kind))
        for kind in kinds
    )
    return [*lying, *(bomb(sound(kind), 0) for kind in kinds if kind in BOMBS)]


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [PICTURES, VOLUMES], ids=["pictures", "volumes"])
def test_bad_company_of_every_format_changes_no_mask(kinds: tuple[str, ...], tmp_path: Path):
    model = stand_in((4, 8, 8), channels=("MR",))
    if kinds is PICTURES:
        model = MedSegDiffPipeline.from_pretrained("skin-lesion", device="cpu").model
    good, failed, masks = sound(kinds[0] if kinds is PICTURES else "nii.gz"), [], []
    bad = bad_company(kinds)
    for name in ("sound", "mixed"):
        folder, out = tmp_path / name, tmp_path / f"out-{name}"
        for number in range(2):
            place = folder / f"good_{number}{good.opened.removeprefix('study')}"
            folder.mkdir(exist_ok=True)
            place.write_bytes(good.content())
        for number, one in enumerate(bad if name == "mixed" else ()):
            for file in one.study.files:
                ending = file.removeprefix("study")
                content = one.study.content(file).replace(b"study.raw", b"bad_%02d.raw" % number)
                (folder / f"bad_{number:02d}{ending}").write_bytes(content)
        failed = [one.study for one in predict_folder(folder, out, model) if one.error is not None]
        masks.append({file.name: file.read_bytes() for file in out.glob("good_*")})
    assert failed == [f"bad_{number:02d}" for number in range(len(bad))]
    assert len(masks[0]) == 2
    assert masks[0] == masks[1]
