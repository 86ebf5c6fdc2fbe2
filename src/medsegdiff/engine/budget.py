"""How many steps fit into some minutes, and what memory they need: measured, not guessed."""

from __future__ import annotations

import copy
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from medsegdiff.engine.trainer import Trainer, optimizer_of, running

TRIAL_STEPS = 4
RESERVE = 0.97  # of the time; the rest is for starting and writing
STATUS = Path("/proc/self/status")  # of Linux; getrusage counts what started the process, too
VALIDATING = 1 / 3  # of the time at most, where nobody asks how often to validate


@dataclass(frozen=True)
class Measured:
    """What a few steps on a copy of the network took."""

    seconds_per_step: float
    memory_gb: float | None


@dataclass(frozen=True)
class ValidationCost:
    """Seconds of each validation during a run, and of everything that is drawn at its end."""

    each: float
    at_the_end: float

    def of(self, count: int) -> float:
        """Seconds of a run with so many validations."""
        return count * self.each + self.at_the_end


def measure(trainer: Trainer) -> Measured:
    """Time a few steps on a copy of the network; the training itself is left untouched."""
    trial = copy.copy(trainer)
    trial.network = copy.deepcopy(trainer.network)
    trial.running = running(trial.network, trainer.settings, trainer.device)
    trial.averaged = copy.deepcopy(trainer.averaged)
    trial.optimizer = optimizer_of(trial.network, trainer.settings)
    trial.step(0, TRIAL_STEPS)  # the first one allocates and decodes
    start = time.perf_counter()
    for number in range(1, TRIAL_STEPS + 1):
        trial.step(number, TRIAL_STEPS + 1)
    return Measured((time.perf_counter() - start) / TRIAL_STEPS, peak_memory_gb(trainer.device))


def steps_in(minutes: float, seconds_per_step: float, validating: float) -> int:
    """Steps that fit into the time, at least one.

    Args:
        minutes: for everything.
        seconds_per_step: measured.
        validating: seconds that all validations take.
    """
    return max(1, int((60 * minutes * RESERVE - validating) / seconds_per_step))


def validations_in(minutes: float, cost: ValidationCost, wanted: int) -> int:
    """Validations that leave two thirds of the time for training, from 1 to `wanted`."""
    spare = 60 * minutes * VALIDATING - cost.at_the_end
    return max(1, min(wanted, int(spare / max(cost.each, 1e-9))))


def peak_memory_gb(device: torch.device) -> float | None:
    """Most memory held so far: of the GPU, or of the process; None where nobody says."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    if sys.platform == "win32":
        return None
    if STATUS.is_file():
        found = re.search(r"^VmHWM:\s*(\d+) kB", STATUS.read_text(), re.MULTILINE)
        if found:
            return int(found[1]) / 2**20
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kibibytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
