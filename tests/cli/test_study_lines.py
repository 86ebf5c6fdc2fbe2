"""What is shown of each study, also when nobody looks any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsegdiff.cli import console
from medsegdiff.cli.study_lines import show_predictions
from medsegdiff.engine.folder_prediction import StudyResult


def test_a_warning_that_nobody_hears_loses_no_mask(monkeypatch: pytest.MonkeyPatch, capsys):
    def hung_up(message: str) -> None:
        raise BrokenPipeError(message)

    def predicted(progress, warn):
        warn("a", ["The image is odd."])
        yield StudyResult("a", 1, 1, mask_file=Path("a.png"), is_skipped=True)

    monkeypatch.setattr(console, "log", hung_up)
    assert show_predictions(predicted, is_json=False) == 0
    assert "a.png" in capsys.readouterr().out
