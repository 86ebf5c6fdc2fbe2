"""A training step of this commit beside that of an earlier one, in turns on one machine.

    python benchmarks/training_step.py COMMIT [--side 128] [--batch 4] [--threads 2] [--turns 9]
                                       [--out benchmarks/results/training_step.json] [SETTING ...]

Each commit trains the default network on the bundled lesions in a process of its own, with what it
reads, augments and averages; while one takes its turn the other waits. Prints the medians and
their ratio, and writes OUT with all turns, machine and commit. SETTING words such as
train.clip_norm=1 are given to both.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).parents[1]
STUDIES = PROJECT / "tests" / "data" / "skin_isic2017"
RESULT = PROJECT / "benchmarks" / "results" / "training_step.json"
IN_A_TURN = 6  # steps
STEPS_OF_A_RUN = 1000  # of which a few are timed


class Training:
    """A process that trains with the program in `source` when it is told to."""

    def __init__(self, source: Path, threads: int, settings: list[str]) -> None:
        environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--work", *settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.seconds: list[float] = []
        self.answer()  # it has warmed up

    def answer(self) -> float:
        """What it says next; ends this program if it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit("A training ended; what it said stands above.")
        return float(line)

    def take_turn(self) -> None:
        """Let it do a few steps, and keep the median of their seconds."""
        assert self.process.stdin is not None
        print(IN_A_TURN, file=self.process.stdin, flush=True)
        self.seconds.append(self.answer())


def work(settings: list[str]) -> None:
    """The other side: for each number read, that many steps and the median of their seconds."""
    from medsegdiff.data import Folder
    from medsegdiff.engine.run_setup import set_up
    from medsegdiff.engine.settings import read_run_config

    numbers = itertools.count()
    with tempfile.TemporaryDirectory() as folder:
        config = read_run_config(None, settings)
        setup = set_up(Folder(root=STUDIES), Path(folder), config, 0, None, "cpu")
        setup.trainer.step(next(numbers), STEPS_OF_A_RUN)
        print(0, flush=True)
        for line in sys.stdin:
            seconds = []
            for _ in range(int(line)):
                start = time.perf_counter()
                setup.trainer.step(next(numbers), STEPS_OF_A_RUN)
                seconds.append(time.perf_counter() - start)
            print(statistics.median(seconds), flush=True)


def compare(given: argparse.Namespace) -> None:
    """Check the other commit out, and let both take turns."""
    from ablation.measure import commit

    from medsegdiff.engine.environment import environment

    settings = [f"train.side={given.side}", f"train.batch_size={given.batch}"]
    settings += ["train.precision=fp32", *given.settings]
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "other"
        subprocess.run(["git", "clone", "--quiet", PROJECT, other], check=True)
        subprocess.run(["git", "checkout", "--quiet", given.commit], cwd=other, check=True)
        sources = {given.commit: other / "src", "this": PROJECT / "src"}
        trainings = {
            name: Training(source, given.threads, settings) for name, source in sources.items()
        }
        for _ in range(given.turns):
            for training in trainings.values():
                training.take_turn()
        for training in trainings.values():
            training.process.terminate()
    medians = {name: statistics.median(one.seconds) for name, one in trainings.items()}
    for name, training in trainings.items():
        low, high = min(training.seconds), max(training.seconds)
        print(f"{name}: {medians[name]:.3f} s a step ({low:.3f} to {high:.3f})")
    ratio = medians[given.commit] / medians["this"]
    print(f"{ratio:.2f} x")
    found = {
        "command": " ".join(["python", "benchmarks/training_step.py", *sys.argv[1:]]),
        "commit": commit(),
        "machine": {**environment(), "threads": given.threads},
        "turns_s": {name: training.seconds for name, training in trainings.items()},
        "median_s": medians,
        "ratio": ratio,
    }
    given.out.write_text(json.dumps(found, indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("commit", help="of this clone")
    parser.add_argument("settings", nargs="*")
    compare(parser.parse_args())
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2:])
    else:
        sys.exit(main())
