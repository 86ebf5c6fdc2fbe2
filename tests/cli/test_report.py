"""`medsegdiff report` and `evaluate --html`, as a person would call them."""

from __future__ import annotations

from pathlib import Path


def test_a_prediction_an_evaluation_and_a_training(
    trained: Path, skin_data: Path, tmp_path: Path, medsegdiff
):
    out = tmp_path / "out"
    assert medsegdiff("predict", "-i", skin_data, "-o", out, "-m", trained).code == 0
    assert "name them with -i IMAGES" in medsegdiff("report", out).err
    answer = medsegdiff("report", out, "-i", skin_data / "images")
    assert "IMAGES" not in answer.err
    assert (answer.code, answer.out.strip()) == (0, str(out / "report.html"))
    page = tmp_path / "scored.html"
    assert medsegdiff("evaluate", "-gt", skin_data, "-p", out, "--html", page).code == 0
    assert "Evaluation of 12 studies" in page.read_text(encoding="utf-8")
    page = tmp_path / "trained.html"
    assert medsegdiff("report", trained, "-o", page).code == 0
    assert "Training of 1 fold" in page.read_text(encoding="utf-8")


def test_nothing_to_report(tmp_path: Path, medsegdiff):
    answer = medsegdiff("report", tmp_path)
    assert answer.code == 4
    assert "medsegdiff evaluate -gt TRUTH -p" in answer.err
    assert medsegdiff("report", tmp_path / "none").code == 4


def test_a_data_set_is_not_drawn_into(skin_data: Path, medsegdiff):
    answer = medsegdiff("report", skin_data)
    assert answer.code == 4
    assert f"predict -i {skin_data} -o OUT" in answer.err


def test_a_report_that_is_there_is_no_missing_folder(tmp_path: Path, medsegdiff):
    (tmp_path / "report.html").write_text("x")
    answer = medsegdiff("report", tmp_path / "report.html")
    assert answer.code == 4
    assert f"medsegdiff report {tmp_path}" in answer.err
