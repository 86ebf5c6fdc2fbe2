"""A training step of this commit beside that of an earlier one, in turns on one machine.

    python benchmarks/training_step.py COMMIT [--precision fp32 --precision bf16] [--side 128]
                                       [--batch 4] [--threads 2] [--turns 9]
                                       [--out benchmarks/results/training_step.json] [SETTING ...]

Each commit trains the default network on the bundled lesions in a process of its own, with what it
reads, augments and averages; while one takes its turn the other waits. Prints the medians and
their ratio, and writes OUT with all turns, machine and commit: in float32, and where the processor
has it in bfloat16. SETTING words such as train.clip_norm=1 are given to both.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from speed.helper import Helper, answer_all
from speed.tables import table

PROJECT = Path(__file__).parents[1]
STUDIES = PROJECT / "tests" / "data" / "skin_isic2017"
RESULT = PROJECT / "benchmarks" / "results" / "training_step.json"
THIS = "this"
IN_A_TURN = 8  # steps, of which half begin with a guess
STEPS_OF_A_RUN = 1000  # of which a few are timed


def work(settings: list[str]) -> None:
    """The other side, under any commit: asked for some steps, it says the seconds of each."""
    from medsegdiff.data import Folder
    from medsegdiff.engine.run_setup import set_up
    from medsegdiff.engine.settings import read_run_config

    numbers = itertools.count()
    with tempfile.TemporaryDirectory() as folder:
        config = read_run_config(None, settings)
        setup = set_up(Folder(root=STUDIES), Path(folder), config, 0, None, "cpu")

        def mean_seconds(steps: int) -> float:
            start = time.perf_counter()
            for _ in range(steps):
                setup.trainer.step(next(numbers), STEPS_OF_A_RUN)
            return (time.perf_counter() - start) / steps

        answer_all(mean_seconds)


def compare(precision: str, other: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Let both commits take turns; `other` is the folder of the earlier one."""
    settings = [f"train.side={given.side}", f"train.batch_size={given.batch}"]
    settings += [f"train.precision={precision}", *given.settings]
    sources = {given.commit: other, THIS: PROJECT}
    with ExitStack() as stack:
        trainings = {
            name: stack.enter_context(
                Helper(
                    [__file__, "--work", *settings],
                    PYTHONPATH=str(source / "src"),
                    OMP_NUM_THREADS=str(given.threads),
                )
            )
            for name, source in sources.items()
        }
        for training in trainings.values():
            training.ask(IN_A_TURN)  # warms up
        turns: dict[str, list[float]] = {name: [] for name in trainings}
        for _ in range(given.turns):
            for name, training in trainings.items():
                turns[name].append(training.ask(IN_A_TURN))
    medians = {name: statistics.median(one) for name, one in turns.items()}
    ratio = medians[given.commit] / medians[THIS]
    return {"precision": precision, "turns_s": turns, "median_s": medians, "ratio": ratio}


def page(found: dict[str, Any]) -> str:
    """What was measured, as Markdown."""
    before = next(iter(found["rows"][0]["median_s"]))
    head = (
        f"`{found['command']}` at commit {found['commit']}, on {found['machine']['threads']} "
        f"threads of an {found['machine']['processor']}: medians of "
        f"{len(found['rows'][0]['turns_s'][THIS])} turns of {IN_A_TURN} steps, and the range."
    )
    heads = ["", f"{before}, s a step", f"{found['commit']}, s a step", "ratio"]
    lines = [
        [
            row["precision"],
            *(
                f"{row['median_s'][name]:.3f} ({min(turns):.3f} to {max(turns):.3f})"
                for name, turns in row["turns_s"].items()
            ),
            f"{row['ratio']:.2f}",
        ]
        for row in found["rows"]
    ]
    return f"{head}\n\n{table(heads, lines)}"


def measured(given: argparse.Namespace) -> dict[str, Any]:
    """Check the other commit out, and compare in each precision."""
    import torch
    from result_file import made_with, typed

    from medsegdiff.engine.precision import is_bf16_fast

    fast = ["fp32", "bf16"] if is_bf16_fast(torch.device("cpu")) else ["fp32"]
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "other"
        subprocess.run(["git", "clone", "--quiet", PROJECT, other], check=True)
        subprocess.run(["git", "checkout", "--quiet", given.commit], cwd=other, check=True)
        rows = [compare(precision, other, given) for precision in given.precision or fast]
    return {**made_with(typed(), threads=given.threads), "rows": rows}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--precision", choices=("fp32", "bf16"), action="append")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("commit", help="of this clone")
    parser.add_argument("settings", nargs="*")
    given = parser.parse_args()
    found = measured(given)
    given.out.write_text(json.dumps(found, indent=1) + "\n")
    print(page(found))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2:])
    else:
        main()
