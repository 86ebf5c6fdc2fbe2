"""A contender in a process of its own, as a program of its user: nobody else's memory or settings.

Predictions and trainings are measured in different processes, because a training tells the C
library to keep the memory that is freed, and a prediction does not.
"""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch

from speed.contender import CHUNK, Contender, Task, counted, parameters
from speed.contenders import CONTENDERS
from speed.helper import answer_all
from speed.memory import peak
from speed.ours import Ours
from speed.timing import seconds_of

REST = 0.01  # seconds in which the threads of whoever was timed before go to sleep


def work(name: str, task: Task) -> None:
    """Build a contender and do what is asked of it: see `answered`."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        answer_all(partial(answered, CONTENDERS[name](task, Path(folder)), task))


def answered(one: Contender, task: Task, what: str, *words: Any) -> Any:
    """The answer to a question.

    Args:
        one: whom it is asked of.
        task: that it was built for.
        what: "seconds" of a work, "peak", "costs", or "training_costs".
        words: the work's name, and its members if it has some.
    """
    if what == "seconds":
        name, *members = words
        time.sleep(REST)
        return seconds_of(partial(getattr(one, name), *members))
    return {"peak": peak_mib, "costs": costs, "training_costs": training_costs}[what](one, task)


def peak_mib(one: Contender, task: Task) -> float | None:
    """Peak of a process that has looked at an image and taken one step of a chunk of members."""
    if task.device.type != "cpu":
        return None
    one.look()
    one.step(CHUNK)
    return peak()


def costs(one: Contender, task: Task) -> dict[str, Any]:
    """What a contender is, and what its parts compute and move."""
    works = {
        "look": one.look,
        "step of 1": partial(one.step, 1),
        f"step of {CHUNK}": partial(one.step, CHUNK),
    }
    found = {part: counted(part_of_it) for part, part_of_it in works.items()}
    return {
        "parameters": parameters(one.network),
        "look_gflop": found["look"].gflop,
        "step_gflop": found["step of 1"].gflop,
        "moved_gb": {part: cost.moved_gb for part, cost in found.items()},
        "own_steps": one.steps,
        "steps_in_a_row": one.steps_in_a_row,
        "is_ours": isinstance(one, Ours),
    }


def training_costs(one: Contender, task: Task) -> dict[str, float]:
    """Of a training step with its whole batch, mean of several in a row."""
    found = counted(one.train_steps)
    return {
        "gflop": found.gflop / one.steps_in_a_row,
        "moved_gb": found.moved_gb / one.steps_in_a_row,
    }
