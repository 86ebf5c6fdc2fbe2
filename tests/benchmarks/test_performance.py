"""The page on performance says what the results say."""

from __future__ import annotations

import json

import performance
import pytest
import start
import torch
import training_step
import trials
from speed.contender import Task
from speed.ours import Ours

from medsegdiff.engine import run_setup

MACHINE = {"threads": 2, "processor": "P"}


def test_the_page_says_what_was_measured_last():
    page = performance.PAGE.read_text(encoding="utf-8")
    assert performance.rendered(page) == page


def test_only_parts_whose_result_is_there_are_written(tmp_path):
    seconds = {"predict": [2.0, 3.0, 2.5], "help": [0.1, 0.2, 0.1]}
    found = {"command": "c", "commit": "0", "machine": MACHINE, "load": [0.5], "seconds": seconds}
    (tmp_path / "start.json").write_text(json.dumps(found))
    text = performance.rendered("# Page\n\nWords.\n", tmp_path)
    assert text.startswith("# Page\n\nWords.\n\n## How soon it begins\n")
    assert "| predict | 2.50 | 2.00 to 3.00 |" in text
    assert text.count("generated") == 1


def test_a_later_result_takes_the_place_of_an_earlier_one(tmp_path):
    page = "# Page\n"
    for seconds in (1.0, 7.0):
        found = {"command": "c", "commit": "0", "machine": MACHINE, "load": [0.5]}
        (tmp_path / "start.json").write_text(json.dumps({**found, "seconds": {"a": [seconds]}}))
        page = performance.rendered(page, tmp_path)
    assert "| a | 7.00 |" in page
    assert "1.00" not in page


def test_a_training_step_is_told_for_each_precision():
    rows = [
        {
            "precision": precision,
            "turns_s": {"0edd54c": [0.6, 0.5, 0.7], "this": [0.3, 0.2, 0.4]},
            "median_s": {"0edd54c": 0.6, "this": 0.3},
            "ratio": 2.0,
        }
        for precision in ("fp32", "bf16")
    ]
    found = {"command": "c", "commit": "1234567", "machine": MACHINE, "rows": rows}
    text = training_step.page(found)
    assert "|  | 0edd54c, s a step | 1234567, s a step | ratio |" in text
    assert "| bf16 | 0.600 (0.500 to 0.700) | 0.300 (0.200 to 0.400) | 2.00 |" in text


def test_a_slow_optimizer_is_not_fused(tmp_path, monkeypatch):
    monkeypatch.setattr(run_setup, "keep_freed_memory", lambda: False)
    ours = Ours(Task(32, 2, "fp32", torch.device("cpu")), tmp_path)
    assert [group["fused"] for group in ours.trainer.optimizer.param_groups] == [True]
    trials.slow_optimizer(ours)
    assert [group["fused"] for group in ours.trainer.optimizer.param_groups] == [False]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["FF-Parser's filter interpolated once", "members one by one"])
def test_a_change_takes_turns_with_the_program_as_it_is(name):
    found = trials.compared(name, trials.CHANGES[name], 1, 2)
    assert [len(turns) for turns in found["turns_s"].values()] == [2, 2]
    assert found["ratio"] > 0
    row = trials.page({"command": "c", "commit": "0", "machine": MACHINE, "rows": [found]})
    assert f"| {name} | prediction |" in row


def test_the_first_lesion_is_there_to_be_predicted():
    assert start.LESION.is_file()
