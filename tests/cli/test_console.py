"""What is shown: a bar on terminals, lines elsewhere."""

from __future__ import annotations

import io
import json
import sys

import pytest

from medsegdiff.cli import console
from medsegdiff.cli.training_lines import JsonObserver, LineObserver, watching


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_with_the_time_left_on_a_terminal(monkeypatch: pytest.MonkeyPatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with console.bar("painting") as bar:
        bar.at(1, 4, "one colour")
    shown = terminal.getvalue()
    assert "painting" in shown
    assert "1/4" in shown
    assert "one colour" in shown


def test_a_bar_tells_the_steps_within_a_study(monkeypatch: pytest.MonkeyPatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with console.bar("predicting") as bar:
        bar.within(30, 120)
    assert "step 30 of 120" in terminal.getvalue()


def test_a_log_is_told_of_a_study_that_takes_long(capsys: pytest.CaptureFixture[str]):
    now = iter([100.0, 110.0, 140.0, 150.0, 400.0])
    bar = console.LogBar(clock=lambda: next(now))
    for done in (0, 1, 4, 5, 20):
        bar.within(done, 20)
    shown = capsys.readouterr().err.splitlines()
    assert shown == ["step 4 of 20 of this study, 3 min left"]


def test_no_bar_elsewhere(capsys: pytest.CaptureFixture[str]):
    with console.bar("painting") as bar:
        bar.at(1, 4)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "spelt"), [(3, "3 s"), (89, "89 s"), (600, "10 min"), (7200, "2.0 h")]
)
def test_times_are_spelt(seconds: float, spelt: str):
    assert console.spelt_time(seconds) == spelt


def test_facts_are_spelt():
    assert console.spelt(None) == "unknown"
    assert console.spelt({"a": 1, "b": None}) == "a 1, b unknown"
    assert console.spelt([0.123456, "x"]) == "0.1235, x"


def test_steps_are_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]):
    with watching(is_json=False) as observer:
        assert isinstance(observer, LineObserver)
        observer.stepped(1, 2, 0.5, 60)
        observer.stepped(2, 2, 0.5, 0)
        observer.validated(2, 0.75, is_best=True)
    shown = capsys.readouterr().err.splitlines()
    assert shown == [
        "step 2 of 2, loss 0.5000, 0 s left",
        "step 2: validation Dice 0.7500, the best",
    ]


def test_json_is_asked_for():
    with watching(is_json=True) as observer:
        assert isinstance(observer, JsonObserver)


def test_json_holds_null_for_what_is_not_finite(capsys: pytest.CaptureFixture[str]):
    console.json_result(loss=float("nan"), best={"dice": [float("inf"), 0.5]})
    assert json.loads(capsys.readouterr().out) == {"loss": None, "best": {"dice": [None, 0.5]}}
