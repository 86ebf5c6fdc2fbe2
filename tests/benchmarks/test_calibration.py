"""Minutes become steps: the arms are timed in turns, and what they see is decoded once."""

from __future__ import annotations

import pytest
import torch
import yaml
from ablation.calibration import calibrate, trainers_of
from ablation.plan import Grid, Pace, read_steps


@pytest.fixture(autouse=True)
def own_threads():
    """A calibration is of one thread; the tests after it have theirs."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_steps_fill_the_minutes(tiny: Grid, skin_data):
    tiny.steps_file.unlink()
    said: list[str] = []
    calibrate(tiny, skin_data.parent, said.append, rounds=1)
    known = read_steps(tiny.steps_file)["skin_isic2017"]
    assert list(known) == ["default", "unet"]
    for arm in known.values():
        seconds = 60 * tiny.minutes
        assert arm["steps"] == max(1, int(seconds / arm["seconds_per_step"]))
    assert said[0].startswith("future on skin_isic2017 is left out")


def test_minutes_are_those_of_the_machine_that_is_meant(tiny: Grid, skin_data):
    pace = Pace(arm="unet", seconds=1000.0)
    slow = tiny.model_copy(update={"pace": pace, "minutes": 100.0})
    slow.steps_file.write_text(yaml.safe_dump({"note": "Mine.", "arms": {}}))
    calibrate(slow, skin_data.parent, print, rounds=1)
    known = yaml.safe_load(slow.steps_file.read_text())
    assert known["arms"]["skin_isic2017"]["unet"] == {"seconds_per_step": 1000.0, "steps": 6}
    assert known["pace"] == pace.model_dump()
    assert known["note"] == "Mine."


def test_what_is_known_is_timed_again_only_if_asked(tiny: Grid, skin_data):
    before = tiny.steps_file.read_text()
    calibrate(tiny, skin_data.parent, print, rounds=1)
    assert read_steps(tiny.steps_file)["skin_isic2017"]["unet"] == {"steps": 3}
    assert before != tiny.steps_file.read_text()  # the machine is told now


def test_arms_with_the_same_view_share_what_is_decoded(tiny: Grid, skin_data):
    configs = [tiny.settings(arm, "skin_isic2017") for arm in ("default", "unet")]
    first, second = trainers_of(configs, skin_data, "cpu")
    assert first.batches.cache is second.batches.cache
