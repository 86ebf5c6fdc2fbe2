"""What a step of a whole training costs, as a user would start it."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

from speed.command import peak_of
from speed.ours import STUDIES

USUAL = ("train.validations=1", "train.validation_studies=1", "train.final_studies=1")


def training_step(
    words: Sequence[str], steps: int, launch: Sequence[str] = (), threads: int = 1
) -> dict[str, float]:
    """Median seconds of a step of a training on the processor.

    Args:
        words: of `medsegdiff train`, behind the data set.
        steps: of the training; the first is not counted.
        launch: words before `-m medsegdiff`, for several processes.
        threads: of each process.

    Returns:
        Seconds, and MiB of the largest process: of training and of one validation.
    """
    with tempfile.TemporaryDirectory() as folder:
        train = ["-m", "medsegdiff", "train", str(STUDIES), "-o", folder, f"--max-steps={steps}"]
        settings = ["--device=cpu", *USUAL, *words]
        largest = peak_of(
            [sys.executable, *launch, *train, *settings], OMP_NUM_THREADS=str(threads)
        )
        lines = (Path(folder) / "fold_0" / "metrics.jsonl").read_text().splitlines()
    ends = [one["seconds"] for one in map(json.loads, lines) if "seconds" in one]
    taken = [later - earlier for earlier, later in pairwise(ends)]
    return {"s": median(taken), "mib": largest}
