from __future__ import annotations

from pathlib import Path

import pytest

from medsegdiff.data.pairing import find_files
from medsegdiff.errors import DataError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("images/a.jpg", "masks/a.png"),
        ("img/a.png", "gt/a.png"),
        ("images/a.JPG", "masks/a_mask.png"),
        ("images/a.jpg", "masks/a_Segmentation.png"),
        ("images/a.b.jpg", "masks/a.b_seg.png"),
        ("images/a_seg.jpg", "masks/a_seg.png"),
        ("a.png", "a_mask.png"),
        ("a.png", "masks/a.png"),
    ],
)
def test_image_and_mask_find_each_other(tmp_path: Path, image: str, mask: str) -> None:
    files = find_files(touch(tmp_path, image, mask))
    (study,) = files.images
    assert files.masks[study] == tmp_path / mask
    assert files.images[study] == tmp_path / image


def test_pairing_is_by_name_and_never_by_position(tmp_path: Path) -> None:
    files = find_files(
        touch(tmp_path, "images/a.png", "images/c.png", "masks/b.png", "masks/c.png")
    )
    assert list(files.images) == ["a", "c"]
    assert list(files.masks) == ["c"]
    assert files.masks_alone == ("b",)


def test_hidden_files_and_thumbnails_are_no_studies(tmp_path: Path) -> None:
    hidden = ("images/.b.png", "images/._a.png", "images/Thumbs.db", "images/.DS_Store")
    files = find_files(touch(tmp_path, "images/a.png", *hidden))
    assert list(files.images) == ["a"]


@pytest.mark.parametrize("twin", ["images/a.jpg", "masks/a_mask.png"])
def test_twins_are_refused(tmp_path: Path, twin: str) -> None:
    with pytest.raises(DataError, match="would both be study 'a'"):
        find_files(touch(tmp_path, "images/a.png", "masks/a.png", twin))


def test_each_rater_has_masks_of_their_own(tmp_path: Path) -> None:
    files = find_files(touch(tmp_path, "images/a.png", "raters/r2/a.png", "raters/r1/a.png"))
    assert list(files.raters) == ["r1", "r2"]
    assert files.raters["r1"]["a"].parent.name == "r1"


def test_decomposed_letters_are_the_same_name(tmp_path: Path) -> None:
    files = find_files(touch(tmp_path, "images/e\u0301.png", "masks/\u00e9.png"))
    assert list(files.masks) == ["\u00e9"]


def test_one_file_and_a_folder_of_images_are_data_sets_too(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.png")
    assert list(find_files(tmp_path).images) == ["a", "b"]
    assert list(find_files(tmp_path / "a.png").images) == ["a"]


def test_nothing_to_find_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no image"):
        find_files(tmp_path)
    with pytest.raises(DataError, match="no file or folder"):
        find_files(tmp_path / "nowhere")
