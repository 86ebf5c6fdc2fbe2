from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from layout_trees import nnunet
from official_trees import nifti, noise

from medsegdiff.data import Folder, seeded_splits, verify
from medsegdiff.data.datasets.nnunet import NNUNet
from medsegdiff.data.pictures import CLASS_COLOURS
from medsegdiff.errors import DataError

Make = Callable[..., Folder]
Save = Callable[..., Path]


def split(folder: Folder, **splits: list[str]) -> Folder:
    (folder.root / "splits.json").write_text(json.dumps(splits))
    return Folder(root=folder.root)


def test_a_good_data_set_is_described(skin_data: Path) -> None:
    report = verify(Folder(root=skin_data), 96)
    assert report.ok
    assert report.sizes == {"256 x 256": 12}
    assert report.splits == {"train": 8, "val": 2, "test": 2}
    assert [one.value for one in report.classes] == [0, 255]
    assert sum(one.share for one in report.classes) == pytest.approx(1)
    assert all(sum(channel.histogram) == pytest.approx(1) for channel in report.channels)
    assert "12 studies, 12 with a mask" in report.text()


def test_a_report_is_json(skin_data: Path) -> None:
    content = json.loads(json.dumps(verify(Folder(root=skin_data), 96).to_json(), allow_nan=False))
    assert content["ok"] is True
    assert content["classes"][1]["name"] == "lesion"


def test_a_sheet_shows_masks_outlined(skin_data: Path) -> None:
    sheet = verify(Folder(root=skin_data), 96).contact_sheet(n=4, side=64)
    assert sheet.size[0] > 128
    assert (np.asarray(sheet) == (0, 229, 255)).all(axis=-1).sum() > 50


def test_a_bad_study_is_named_and_the_others_go_on(make_folder: Make, save: Save) -> None:
    folder = make_folder()
    (folder.root / "images/a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    save("masks/b.png", np.zeros((9, 9), dtype=np.uint8))
    report = verify(Folder(root=folder.root), 96)
    assert set(report.unreadable) == {"a", "b"}
    assert report.studies == ("c", "d")
    assert not report.ok
    assert "not ready" in report.text()


@pytest.mark.parametrize(
    ("names", "splits", "is_told"),
    [
        (["p1_a", "p1_b"], {}, True),
        (["p1_a", "p2_b"], {}, False),
        (["p1_a", "p1_b"], {"train": ["p1_a"], "val": ["p1_b"]}, False),
        (["p1_a", "p1_b", "p2_c"], {"test": ["p2_c"]}, True),
    ],
)
def test_masks_of_one_patient_alone_are_told(
    make_folder: Make, names: list[str], splits: dict[str, list[str]], is_told: bool
) -> None:
    folder = make_folder(names, group_pattern=r"^(p\d)")
    report = verify(split(folder, **splits) if splits else folder, 96)
    told = "but not trained on: all masks to train with are of one patient"
    assert (told in report.text().splitlines()[-1]) == is_told


@pytest.mark.parametrize(
    ("names", "tested", "why"),
    [
        (["p1_a"], [], "not trained on: only one study has a mask to train with;"),
        (["p1_a", "p2_b"], ["p1_a", "p2_b"], "not trained on: all masks are of studies to test"),
    ],
)
def test_what_cannot_be_trained_on_is_not_called_ready(
    make_folder: Make, names: list[str], tested: list[str], why: str
) -> None:
    report = verify(split(make_folder(names), test=tested), 96)
    assert why in report.text().splitlines()[-1]
    assert report.to_json()["untrainable"]
    with pytest.raises(DataError):
        seeded_splits(set(names) - set(tested), report.dataset.group)


def test_duplicates_across_splits_are_found(make_folder: Make) -> None:
    folder = make_folder()
    image = folder.root / "images/a.png"
    (folder.root / "images/d.png").write_bytes(image.read_bytes())
    report = verify(split(folder, train=["a", "b"], test=["d"]), 96)
    assert report.duplicates == report.duplicates_across_splits == (("a", "d"),)
    assert not report.ok


def test_a_patient_in_two_splits_is_found(make_folder: Make) -> None:
    folder = make_folder(["p1_a", "p1_b"], group_pattern=r"^(p\d)")
    report = verify(split(folder, train=["p1_a"], val=["p1_b"]), 96)
    assert report.groups_across_splits == {"p1": ("train", "val")}
    assert "Patient p1 is in train and val" in report.text()


def test_empty_blank_and_unpaired_are_told(make_folder: Make, save: Save) -> None:
    folder = make_folder("ab")
    flat = np.full((24, 32), 7, dtype=np.uint8)
    save("images/c.png", flat)
    save("images/d.png", flat + 1)
    for name in "ae":
        save(f"masks/{name}.png", flat * 0)
    report = verify(Folder(root=folder.root), 96)
    assert (report.without_mask, report.masks_alone) == (("c", "d"), ("e",))
    assert (report.empty_masks, report.blank_images) == (("a",), ("c", "d"))
    assert report.ok


def test_splits_and_masks_that_cannot_be_used_are_told(make_folder: Make) -> None:
    assert "splits.json names" in verify(split(make_folder(), train=["z"]), 96).problems[0]
    odd = make_folder(labels={"background": 0, "lesion": 1}, label_values={"lesion": 7})
    report = verify(Folder(root=odd.root), 96)
    assert "label_values" in report.problems[0]
    assert report.contact_sheet().size[0] > 0
    assert not report.ok


def test_raters_and_progress_are_counted(make_folder: Make, save: Save) -> None:
    folder = make_folder("ab")
    save("raters/r1/a.png", np.zeros((24, 32), dtype=np.uint8))
    seen: list[tuple[int, int]] = []
    report = verify(Folder(root=folder.root), 96, progress=lambda *done: seen.append(done))
    assert report.raters == {"r1": 1}
    assert seen == [(1, 2), (2, 2)]
    assert "Raters: r1 (1)" in report.text()


def test_volumes_are_described_by_their_grids(tmp_path: Path) -> None:
    nnunet(tmp_path)
    report = verify(NNUNet(root=tmp_path), 96)
    assert report.ok
    assert report.sizes == {"14 x 12 x 5": 4}
    assert report.spacings == {"1 x 1 x 2": 4}
    assert report.orientations == {"LPS": 4}
    assert "Axes run to: LPS (4)." in report.text()
    assert "An nnU-Net raw folder: 3 studies to train on, 1 to test on." in report.text()


def test_the_sheet_shows_the_slice_with_most_foreground(tmp_path: Path) -> None:
    nnunet(tmp_path)
    sheet = verify(NNUNet(root=tmp_path), 96).contact_sheet(side=64)
    assert (np.asarray(sheet) == CLASS_COLOURS[1]).all(axis=-1).sum() > 20


def test_a_channel_off_the_grid_is_to_mend(tmp_path: Path) -> None:
    nnunet(tmp_path)
    nifti(tmp_path / "imagesTr/b_0001.nii.gz", noise(0, (5, 12, 13)))
    report = verify(NNUNet(root=tmp_path), 96)
    assert not report.ok
    assert "14 x 12 x 5 voxels against 13 x 12 x 5" in report.unreadable["b"]


def test_a_stray_value_is_named_with_its_study_and_the_others_are_counted(
    make_folder: Make, save: Save
) -> None:
    folder = make_folder()
    declared = {"labels": {"background": 0, "lesion": 1}, "label_values": {"lesion": 255}}
    (folder.root / "dataset.json").write_text(json.dumps(declared))
    mask = np.zeros((24, 32), dtype=np.uint8)
    mask[6:18, 8:20], mask[0, :3] = 255, 7
    save("masks/b.png", mask)
    report = verify(Folder(root=folder.root), 96)
    assert "7 in 3 voxel(s)" in report.text()
    assert "b.png" in report.unreadable["b"]
    assert len(report.studies) == 3
    assert not report.ok


@pytest.mark.parametrize(("studies", "told"), [(20, True), (19, False)])
def test_classes_of_hardly_any_mask_are_told(
    tmp_path: Path, save: Save, make_folder: Make, studies: int, told: bool
) -> None:
    folder = make_folder(tuple(f"s{number:02}" for number in range(studies)))
    mask = np.zeros((24, 32), dtype=np.uint8)
    mask[6:18, 8:20], mask[0, :3] = 255, 7
    save("masks/s00.png", mask)
    text = verify(Folder(root=folder.root), 96).text()
    assert (f"is in 1 of {studies} masks only" in text) == told


def test_masks_in_the_place_of_images_are_warned_of(make_folder: Make) -> None:
    root = make_folder().root
    shutil.rmtree(root / "images")
    shutil.copytree(root / "masks", root / "images")
    report = verify(Folder(root=root), 96)
    assert set(report.images_like_masks) == set(report.studies)
    assert "look like masks" in report.text()
