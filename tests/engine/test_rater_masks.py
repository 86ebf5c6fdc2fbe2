"""Members beside OUT's masks and raters beside the true ones: found, read, compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsegdiff.engine.evaluate import evaluate_folders
from medsegdiff.engine.evaluation_files import summary_table, summary_values, write_summary


def save(folder: Path, name: str, width: int, shape: tuple[int, int] = (20, 20)) -> None:
    mask = np.zeros(shape, dtype=np.uint8)
    mask[:, :width] = 255
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(folder / f"{name}.png")


@pytest.fixture
def rated(tmp_path: Path) -> tuple[Path, Path]:
    """Study a has two raters (8, 16 wide) and two members (8, 12); b has members alone."""
    data, out = tmp_path / "data", tmp_path / "out"
    for study in "ab":
        save(data / "masks", study, 8)
        save(out, study, 8)
        save(out / "members/member_0", study, 8)
        save(out / "members/member_1", study, 12)
    save(data / "raters/r1", "a", 8)
    save(data / "raters/r2", "a_mask", 16)
    return data, out


@pytest.mark.parametrize("inside", ["", "masks"])
def test_members_are_compared_with_raters(rated, inside: str):
    summary = evaluate_folders(rated[0] / inside, rated[1])
    (found, nothing) = (score.agreement for score in summary.scores)
    across = (0 + 1 / 2 + 1 / 3 + 1 / 4) / 4  # 8 and 12 against 8 and 16
    assert found.ged_squared == pytest.approx(2 * across - 1 / 6 - 1 / 4)
    assert found.hm_iou == pytest.approx((1 + 3 / 4) / 2)
    assert found.union_sensitivity == pytest.approx(12 / 16)
    assert (found.members, found.raters) == (2, 2)
    assert nothing is None
    assert summary.agreement["GED2"].count == 1
    assert "Only 1 of 2 studies have members and raters" in summary.findings[-1]


def test_it_stands_in_the_summary(rated):
    summary = evaluate_folders(*rated)
    values = summary_values(summary)
    assert values["raters"]["D_max"]["mean"] == summary.scores[0].agreement.d_max
    assert values["metric_per_case"][0]["raters"]["HM_IoU"] == summary.scores[0].agreement.hm_iou
    assert "raters" not in values["metric_per_case"][1]
    assert any(line.startswith("GED2 ") for line in summary_table(summary))


@pytest.mark.parametrize("missing", ["data/raters", "out/members"])
def test_without_either_nothing_changes(rated, tmp_path: Path, missing: str):
    (tmp_path / missing).rename(tmp_path / "away")
    summary = evaluate_folders(*rated)
    assert not summary.agreement
    assert "raters" not in json.dumps(summary_values(summary))


def test_a_rater_of_another_size_is_named(rated):
    save(rated[0] / "raters/r1", "a", 8, shape=(10, 10))
    summary = evaluate_folders(*rated)
    assert "not on one grid" in summary.failed["a"]
    assert [one.study for one in summary.scores] == ["b"]


def test_raters_with_values_of_no_class_are_named(rated):
    Image.new("L", (20, 20), 7).save(rated[0] / "raters/r1/a.png")
    failed = evaluate_folders(*rated).failed
    assert str(Path("raters/r1/a.png")) in failed["a"]


def test_the_file_is_written(rated, tmp_path: Path):
    write_summary(tmp_path / "s.json", evaluate_folders(*rated))
    found = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert found["raters"]["GED2"]["n"] == 1
