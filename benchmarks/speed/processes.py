"""What a training step takes when several processes share its batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median

from speed.ours import STUDIES

SIDE, BATCH, STEPS = 128, 8, 20


def training_step(count: int) -> dict[str, float]:
    """Median seconds of a step of so many processes of one thread each, joined by gloo.

    Returns:
        Seconds, and MiB of the largest process.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = [f"train.side={SIDE}", f"train.batch_size={BATCH}", "train.validations=1"]
        settings += ["train.validation_studies=1", "train.final_studies=1", "train.precision=fp32"]
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
        train = ["-m", "medsegdiff", "train", str(STUDIES), "-o", folder, f"--max-steps={STEPS}"]
        largest = peak_of([sys.executable, *launch, *train, "--device=cpu", *settings])
        lines = (Path(folder) / "fold_0" / "metrics.jsonl").read_text().splitlines()
    ends = [one["seconds"] for one in map(json.loads, lines) if "seconds" in one]
    taken = [later - earlier for earlier, later in pairwise(ends)]
    return {"s": median(taken), "mib": largest}


def peak_of(command: list[str]) -> float:
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
