"""The commands in a report make the result again."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.report.commands import evaluate_command, predict_command
from medsegdiff.engine.settings import with_overrides, with_predict


def test_the_settings_of_a_prediction_come_back(drawn: Path):
    run = json.loads((drawn / "run_report.json").read_text(encoding="utf-8"))
    changed = with_predict(PredictConfig(), members=3, seed=5, ensemble="staple").model_dump()
    words = shlex.split(predict_command({**run, "predict": changed}).replace("\\\n", " "))
    assert words[:6] == ["medsegdiff", "predict", "-i", "IMAGES", "-o", "OUT"]
    overrides = [word for word in words if "=" in word]
    assert with_overrides(PredictConfig(), overrides).model_dump() == changed
    assert {"--save-probabilities", "--save-uncertainty"} <= set(words)


def test_a_model_folder_is_named_without_where_it_lies():
    assert " -m RUN" in predict_command({"model": "/home/anna mueller/RUN"})
    assert "mueller" not in predict_command({"model": "/home/anna mueller/RUN"})


def test_an_evaluation_is_made_with_its_split_and_tolerance():
    made = {"split": "test", "tolerance": 1.0, "lesion_overlap": 0.0, "reference": "/a/b"}
    words = "medsegdiff evaluate -gt TRUTH -p OUT --split test --tolerance 1.0 --lesion-overlap 0.0"
    assert evaluate_command(made) == words
