"""What cannot be reported is refused with the command that makes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsegdiff.engine.report import write_report
from medsegdiff.errors import DataError


def test_no_summary_and_no_prediction(tmp_path: Path):
    with pytest.raises(DataError, match=r"medsegdiff evaluate -gt TRUTH -p .*medsegdiff predict"):
        write_report(tmp_path, tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()


def test_no_folder(tmp_path: Path):
    with pytest.raises(DataError, match="There is no folder"):
        write_report(tmp_path / "none", tmp_path / "r.html")


@pytest.mark.parametrize("content", ["{", "[]", '{"mean": {}}'])
def test_a_summary_of_another_program_or_a_damaged_one(tmp_path: Path, content: str):
    (tmp_path / "summary.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"summary\.json"):
        write_report(tmp_path, tmp_path / "r.html")


def test_a_training_before_its_first_step(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "fold_0").mkdir()
    with pytest.raises(DataError, match="medsegdiff train DATA -o"):
        write_report(tmp_path, tmp_path / "r.html")
