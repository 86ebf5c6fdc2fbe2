"""Minutes into steps."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from medsegdiff.engine.budget import (
    ValidationCost,
    measure,
    peak_memory_gb,
    steps_in,
    validations_in,
)
from medsegdiff.engine.run_setup import set_up


def test_validations_are_paid_for_first():
    assert steps_in(10, 0.5, 48.0) == int((600 * 0.97 - 48) / 0.5)


def test_a_budget_that_is_too_small_still_gives_a_step():
    assert steps_in(0.01, 1.0, 800.0) == 1


@pytest.mark.parametrize(
    ("each", "at_the_end", "count"), [(1.0, 10.0, 8), (30.0, 80.0, 4), (30.0, 500.0, 1)]
)
def test_validations_leave_two_thirds_of_the_minutes(each: float, at_the_end: float, count: int):
    cost = ValidationCost(each, at_the_end)
    assert validations_in(10, cost, wanted=8) == count
    assert cost.of(count) == count * each + at_the_end


def test_measuring_leaves_the_training_untouched(skin, tiny, tmp_path):
    trainer = set_up(skin, tmp_path, tiny(), 0, None, "cpu").trainer
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    assert measure(trainer).seconds_per_step > 0
    assert all(value.equal(before[name]) for name, value in trainer.network.state_dict().items())
    assert (trainer.averaged.updates, len(trainer.optimizer.state)) == (0, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say")
def test_memory_is_measured_in_gib():
    memory = peak_memory_gb(torch.device("cpu"))
    assert memory is not None
    assert 0.05 < memory < 200


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_not_that_of_the_process_that_started_it():
    ballast = torch.ones(2**28)  # 1 GiB
    script = (
        "import torch; from medsegdiff.engine.budget import peak_memory_gb;"
        "print(peak_memory_gb(torch.device('cpu')))"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert float(told.stdout) < 0.8
    assert ballast.all()
