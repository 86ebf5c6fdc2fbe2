"""What a step of a whole training costs, as a user would start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

from speed.ours import STUDIES

USUAL = ("train.validations=1", "train.validation_studies=1", "train.final_studies=1")


def training_step(words: Sequence[str], steps: int, launch: Sequence[str] = ()) -> dict[str, float]:
    """Median seconds of a step of a float32 training on the processor, one thread a process.

    Args:
        words: of `medsegdiff train`, behind the data set.
        steps: of the training; the first is not counted.
        launch: words before `-m medsegdiff`, for several processes.

    Returns:
        Seconds, and MiB of the largest process: of training and of one validation.
    """
    with tempfile.TemporaryDirectory() as folder:
        train = ["-m", "medsegdiff", "train", str(STUDIES), "-o", folder, f"--max-steps={steps}"]
        settings = ["--device=cpu", "train.precision=fp32", *USUAL, *words]
        largest = peak_of([sys.executable, *launch, *train, *settings])
        lines = (Path(folder) / "fold_0" / "metrics.jsonl").read_text().splitlines()
    ends = [one["seconds"] for one in map(json.loads, lines) if "seconds" in one]
    taken = [later - earlier for earlier, later in pairwise(ends)]
    return {"s": median(taken), "mib": largest}


def peak_of(command: Sequence[str]) -> float:
    """Run a command to its end; MiB of the largest of its processes, this one included.

    Raises:
        CalledProcessError: it failed; what it said went to stderr.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as process:
        _, status, usage = os.wait4(process.pid, 0)  # of it and all that it has waited for
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 2**20
