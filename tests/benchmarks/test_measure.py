"""What a prediction is measured by, and what is not counted to it."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from ablation import measure

from medsegdiff.data import Folder
from medsegdiff.data.declared_labels import Region
from medsegdiff.data.labels import LabelMap
from medsegdiff.engine.settings import with_predict
from medsegdiff.engine.weights import TrainedModel

REGIONS = (
    Region(name="disc", classes=(1, 2), painted=1),
    Region(name="cup", classes=(2,), painted=2),
)


def test_comparing_is_not_counted_among_the_seconds(skin_data, monkeypatch):
    model, data = TrainedModel.load("skin-lesion", "cpu"), Folder(root=skin_data)
    study = data.declared_splits().val[0]
    config = with_predict(model.predict, members=0)

    def slow(*_: object) -> dict[str, float]:
        end = time.process_time() + 1
        while time.process_time() < end:
            pass
        return {"dice": 0.5}

    monkeypatch.setattr(measure, "compared", slow)
    (seconds,) = measure.measured(model, data, [study], config)["seconds"]
    assert 0 < seconds < 1


def test_a_way_that_is_not_the_models_own_is_fitted_anew(skin_data, tmp_path):
    model, data = TrainedModel.load("skin-lesion", "cpu"), Folder(root=skin_data)
    studies = data.declared_splits().val[:2]
    own, head = (
        measure.measured_once(tmp_path / name, model, data, studies, words, studies)
        for name, words in (("own", []), ("head", ["members=0"]))
    )
    assert own["temperature"] == model.config.temperature != head["temperature"]
    assert own["threshold"] == model.config.threshold


@pytest.mark.parametrize(
    ("commits", "words", "times"),
    [
        (("a", "a"), ("members=0", "members=0"), 1),
        (("a", "b"), ("members=0", "members=0"), 2),
        (("a", "a"), ("members=0", "members=2"), 2),
        (("a+", "a+"), ("members=0", "members=0"), 2),
    ],
)
def test_figures_are_kept_as_long_as_they_would_come_again(
    commits, words, times, tmp_path, monkeypatch
):
    model, made = TrainedModel.load("skin-lesion", "cpu"), []
    monkeypatch.setattr(measure, "fit", lambda *_: SimpleNamespace(model=model))
    monkeypatch.setattr(measure, "measured", lambda *_: made.append(1) or {"dice": len(made)})
    for commit, word in zip(commits, words, strict=True):
        monkeypatch.setattr(measure, "commit", lambda commit=commit: commit)
        found = measure.measured_once(tmp_path / "part", model, None, ["s"], [word], ["s"])
    assert found == {"dice": times}
    assert len(made) == times


@pytest.mark.parametrize(
    ("settings", "ways"),
    [({}, {"head"}), ({"steps": 10}, {"head", "program"}), ({"members": 4}, {"head", "program"})],
)
def test_the_programs_own_way_is_measured_beside_another(settings, ways):
    model = TrainedModel.load("skin-lesion", "cpu")
    told = replace(model, predict=with_predict(model.predict, **settings))
    assert set(measure.more_ways(told)) == ways


def test_a_commit_tells_changed_code_but_not_new_results(tmp_path: Path):
    def git(*words: str) -> None:
        name = "-c", "user.name=a", "-c", "user.email=a@b"
        subprocess.run(["git", *name, *words], cwd=tmp_path, check=True, capture_output=True)

    result, code = tmp_path / "benchmarks/results/a.json", tmp_path / "src/a.py"
    for file in (result, code):
        file.parent.mkdir(parents=True)
        file.write_text("1")
    assert measure.commit(tmp_path) == "unknown"
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "first")
    result.write_text("2")
    clean = measure.commit(tmp_path)
    assert len(clean) >= 7
    assert "+" not in clean
    code.write_text("2")
    assert measure.commit(tmp_path) == f"{clean}+"


@pytest.mark.parametrize(
    ("regions", "dice"),
    [((), {"rim": 0.5, "cup": 1.0}), (REGIONS, {"disc": 2 / 3, "cup": 1.0})],
)
def test_structures_are_compared_each_and_in_the_mean(regions, dice):
    truth = torch.tensor([[2, 1, 1, 1], [0, 0, 0, -1]])
    mask = torch.tensor([[2, 1, 0, 0], [0, 0, 0, 1]])
    labels = LabelMap(names=("background", "rim", "cup"), values=(0, 1, 2), regions=regions)
    model = SimpleNamespace(config=SimpleNamespace(labels=labels))
    prediction = SimpleNamespace(mask=mask, quality=0.7)
    found = measure.compared(prediction, SimpleNamespace(labels=truth, raters={}), model)
    assert {name: found[f"dice of {name}"] for name in dice} == pytest.approx(dice)
    assert found["dice"] == pytest.approx(sum(dice.values()) / 2)
