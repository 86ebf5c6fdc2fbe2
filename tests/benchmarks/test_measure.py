"""What a prediction is measured by, and what is not counted to it."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from ablation import measure

from medsegdiff.data import Folder
from medsegdiff.engine.settings import with_predict
from medsegdiff.engine.weights import TrainedModel


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
    ("settings", "ways"),
    [({}, {"head"}), ({"steps": 10}, {"head", "program"}), ({"members": 4}, {"head", "program"})],
)
def test_the_programs_own_way_is_measured_beside_another(settings, ways):
    model = TrainedModel.load("skin-lesion", "cpu")
    told = replace(model, predict=with_predict(model.predict, **settings))
    assert set(measure.more_ways(told)) == ways
