"""The doctor looks at everything and says what to do."""

from __future__ import annotations

from pathlib import Path

from medsegdiff.engine.doctor import examine


def test_everything_is_looked_at(tmp_path: Path):
    looked_at = {one.what: one for one in examine(tmp_path)}
    assert {"medsegdiff", "packages", "devices", "will use", "memory", "disk"} < set(looked_at)
    assert looked_at["writing"].is_ok
    assert looked_at["model skin-lesion"].is_ok
    assert "cpu" in looked_at["devices"].value


def test_nothing_is_left_behind(tmp_path: Path):
    list(examine(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path):
    (writing,) = [one for one in examine(tmp_path / "none") if one.what == "writing"]
    assert not writing.is_ok
    assert "another folder" in writing.advice
