"""The report of a run: continued only with the same settings, whatever lies in the folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medsegdiff.engine.changed_settings import SPELT
from medsegdiff.engine.earlier_report import WHAT_MASKS_DEPEND_ON
from medsegdiff.engine.run_report import RunReport, StudyRecord, sentence
from medsegdiff.errors import ConfigError, DataError

SETTINGS = dict.fromkeys(WHAT_MASKS_DEPEND_ON, 1)


def written(out: Path) -> RunReport:
    report = RunReport.begun(out, SETTINGS, ["a", "b"], is_continued=False)
    report.add("a", StudyRecord(quality=0.5, statistics={"n": 1}))
    report.add("b", StudyRecord(error=DataError("It is damaged.")))
    report.write()
    return report


def test_only_what_is_done_is_taken_over(tmp_path: Path):
    written(tmp_path)
    again = RunReport.begun(tmp_path, SETTINGS, ["a", "b"], is_continued=True)
    assert set(again.statistics) == {"a"}
    assert RunReport.begun(tmp_path, SETTINGS, ["a", "b"], is_continued=False).statistics == {}


def test_a_study_that_succeeds_later_is_no_failure(tmp_path: Path):
    report = written(tmp_path)
    report.add("b", StudyRecord(statistics={}))
    report.write()
    assert json.loads((tmp_path / "failures.json").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("key", WHAT_MASKS_DEPEND_ON)
def test_other_settings_are_named(key: str, tmp_path: Path):
    written(tmp_path)
    with pytest.raises(ConfigError, match=f"{SPELT.get(key, key)} was 1 and is 2"):
        RunReport.begun(tmp_path, {**SETTINGS, key: 2}, ["a", "b"], is_continued=True)


def test_settings_are_named_as_they_are_given(tmp_path: Path):
    then = {**SETTINGS, "extras": {"previews": False}, "predict": {"members": 8, "seed": 0}}
    now = {**SETTINGS, "extras": {"previews": True}, "predict": {"members": 3, "seed": 0}}
    RunReport.begun(tmp_path, then, ["a"], is_continued=False)
    told = "stay: --preview was off and is on; --members was 8 and is 3[.] Use"
    with pytest.raises(ConfigError, match=told):
        RunReport.begun(tmp_path, now, ["a"], is_continued=True)


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_report_begins_anew(content: str, tmp_path: Path):
    (tmp_path / "run_report.json").write_text(content)
    assert RunReport.begun(tmp_path, SETTINGS, ["a", "b"], is_continued=True).statistics == {}


def test_errors_of_the_program_are_called_so():
    assert sentence(DataError("It is damaged.")) == "It is damaged."
    assert sentence(KeyError("x")).startswith("An error in the program itself: KeyError")


def test_a_folder_is_marked_before_the_first_mask(tmp_path: Path):
    RunReport.begun(tmp_path, SETTINGS, ["a"], is_continued=False)
    found = json.loads((tmp_path / "run_report.json").read_text(encoding="utf-8"))
    assert (found["n_done"], found["is_finished"]) == (0, False)
