from __future__ import annotations

from pathlib import Path

from medsegdiff.data.folder_tree import files_in, folders_below, some, split_named


def test_folders_come_in_order_without_those_of_the_system(tmp_path: Path) -> None:
    for name in ("b/c/d", "a", ".hidden", "__MACOSX"):
        (tmp_path / name).mkdir(parents=True)
    names = [folder.relative_to(tmp_path).as_posix() for folder in folders_below(tmp_path, 2)]
    assert names == [".", "a", "b", "b/c"]
    assert list(folders_below(tmp_path / "nowhere", 2)) == []


def test_files_are_chosen_by_ending_in_any_case(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.jpg", "._a.jpg", "a.png"):
        (tmp_path / name).touch()
    (tmp_path / "c.jpg").mkdir()
    assert [path.name for path in files_in(tmp_path, (".jpg",))] == ["a.jpg", "b.JPG"]


def test_the_last_folder_that_names_a_split_says_it(tmp_path: Path) -> None:
    folder = tmp_path / "Training" / "REFUGE-Validation400" / "images"
    assert split_named(folder, tmp_path) == "val"
    assert split_named(folder, folder.parent) is None


def test_many_names_are_cut_short() -> None:
    assert some(["a", "b"]) == "2 (a, b)"
    assert some(list("abcdefg")) == "7 (a, b, c, d, e ...)"
