"""The quality in a run report against Dice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsegdiff.engine.evaluate import evaluate_folders
from medsegdiff.engine.evaluation_files import summary_table, summary_values
from medsegdiff.engine.quality_check import QualityCheck, read_quality

QUALITY = {"a": 0.9, "b": 0.5, "c": 0.7}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Three studies: found whole, by a quarter, and by half; with a run report."""
    for study, width in (("a", 16), ("b", 4), ("c", 8)):
        for folder, found in (("gt", 16), ("out", width)):
            mask = np.zeros((20, 20), dtype=np.uint8)
            mask[:, :found] = 255
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(mask).save(tmp_path / folder / f"{study}.png")
    studies = {study: {"quality": value} for study, value in QUALITY.items()}
    report = {"studies": {**studies, "d": {"quality": None}}}
    (tmp_path / "out" / "run_report.json").write_text(json.dumps(report), encoding="utf-8")
    return tmp_path / "gt", tmp_path / "out"


def test_quality_is_held_against_dice(folders):
    found = evaluate_folders(*folders).quality
    assert (found.studies, found.spearman) == (3, 1)
    risks = [0, 1 - 2 / 3, 1 - 2 / 5]
    assert found.curve.risk == pytest.approx((0, sum(risks[:2]) / 2, sum(risks) / 3))


def test_it_stands_in_the_summary(folders):
    summary = evaluate_folders(*folders)
    kept = summary_values(summary)["quality"]
    assert kept["n"] == 3
    assert kept["risk_coverage"]["coverage"] == pytest.approx((1 / 3, 2 / 3, 1))
    assert any("rank correlation with Dice 1.00 (n = 3)" in line for line in summary_table(summary))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"studies": {"a": 3}}', '{"studies": []}'])
def test_without_a_report_there_is_none(folders, text: str):
    (folders[1] / "run_report.json").write_text(text, encoding="utf-8")
    assert read_quality(folders[1]) == {}
    summary = evaluate_folders(*folders)
    assert summary.quality is None
    assert "quality" not in summary_values(summary)


def test_studies_without_a_quality_are_left_out():
    found = QualityCheck.of({"a": 0.5, "z": 1.0}, {"a": 0.5, "b": 0.4})
    assert (found.studies, found.spearman) == (1, None)
