from __future__ import annotations

from pathlib import Path

from medsegdiff.data.study_files import stored_in


def test_a_path_into_a_file_is_stored_in_that_file(tmp_path: Path) -> None:
    drawings = tmp_path / "12.xml"
    drawings.write_text("<case/>")
    assert stored_in(drawings / "image-1") == drawings


def test_a_file_and_a_folder_are_stored_in_themselves(tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    mask.touch()
    assert stored_in(mask) == mask
    assert stored_in(tmp_path) == tmp_path
