"""Progress of a prediction: every step is told, and a watcher can stop it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from medsegdiff.engine.folder_prediction import predict_folder
from medsegdiff.engine.predict import predict
from medsegdiff.engine.settings import with_predict


@dataclass
class Watcher:
    """Keeps what it is told, and stops the prediction after so many steps."""

    stops_after: int = 1000
    told: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, done: int, total: int) -> None:
        self.told.append((done, total))
        if done >= self.stops_after:
            raise TimeoutError("enough")


@pytest.mark.parametrize(("members", "total"), [(0, 1), (2, 3), (5, 9)])
def test_every_step_is_told(model, lesion, members, total):
    watcher = Watcher()
    config = with_predict(model.predict, members=members, member_batch=2, steps=3)
    predict(lesion, model, config, watcher)
    assert watcher.told == [(done, total) for done in range(total + 1)]


def test_a_watcher_can_stop_a_prediction(model, lesion):
    watcher = Watcher(stops_after=1)
    with pytest.raises(TimeoutError):
        predict(lesion, model, with_predict(model.predict, steps=3), watcher)
    assert len(watcher.told) == 2


def test_a_study_that_is_stopped_fails_with_the_reason(model, skin_data, tmp_path):
    image = skin_data / "images" / "ISIC_0000460.jpg"
    (result,) = predict_folder(image, tmp_path, model, progress=Watcher(stops_after=1))
    assert isinstance(result.error, TimeoutError)
    assert result.prediction is None
