"""Kill trainings at random moments and resume them: the losses must be those of an unbroken run.

    python benchmarks/kill_resume.py [--times 30] [--steps 50] [--seed 0] [--data DATA]

Each training runs in a process of its own. SIGKILL (on Windows TerminateProcess) hits it a random
while after a random step, also while it validates or writes; a second process goes on. Losses,
weights, averaged weights, optimiser and the chosen threshold are compared bit by bit.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from medsegdiff.data import Folder
from medsegdiff.engine.settings import read_run_config
from medsegdiff.engine.train import train

HERE = Path(__file__).resolve().parent
NETWORK = "{name: medsegdiff, widths: [8, 8, 16], blocks: [0, 1, 1], denoiser_widths: [8]}"
SETTINGS = (
    "train.side=32",
    "train.batch_size=4",
    "train.validations=5",
    f"model.network={NETWORK}",
    "predict={sampler: {name: ddim, steps: 1}, members: 1}",
)
WHOLE, PATIENCE = 0, 600.0  # exit code, seconds
PROCESSES = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")


def train_once(data: Path, run: Path, steps: int) -> None:
    """Train or go on, in this process."""
    torch.set_num_threads(1)
    config = read_run_config(None, [*SETTINGS, f"train.max_steps={steps}"])
    train(Folder(root=data), run, config, device="cpu")


def started(data: Path, run: Path, steps: int) -> Any:
    """Start a training in a process of its own."""
    process = PROCESSES.Process(target=train_once, args=(data, run, steps))
    process.start()
    return process


def finished(data: Path, run: Path, steps: int) -> float:
    """Let a training come to its end and give its seconds."""
    start = time.perf_counter()
    process = started(data, run, steps)
    process.join(PATIENCE)
    if process.exitcode != WHOLE:
        raise SystemExit(f"A training in {run} ended with {process.exitcode}.")
    return time.perf_counter() - start


def killed(data: Path, run: Path, steps: int, after: int, seconds: float) -> int:
    """Kill a training some seconds after a step and give the number of steps that were logged."""
    process = started(data, run, steps)
    while process.is_alive() and logged(run) < after:
        time.sleep(0.002)
    process.join(seconds)
    process.kill()
    process.join()
    return logged(run)


def logged(run: Path) -> int:
    """Steps in the log of a run."""
    log = run / "fold_0" / "metrics.jsonl"
    return log.read_text(encoding="utf-8").count('"loss"') if log.is_file() else 0


def outcome(run: Path) -> dict[str, Any]:
    """What must not differ: losses as they were written, tensors as bytes, the threshold."""
    fold = run / "fold_0"
    lines = [json.loads(line) for line in (fold / "metrics.jsonl").read_text().splitlines()]
    summary = json.loads((fold / "validation" / "summary.json").read_text())
    result: dict[str, Any] = {
        "losses": [line["loss"] for line in lines if "loss" in line],
        "dice": [line["dice"] for line in lines if "dice" in line],
        "summary": summary,
    }
    for name in ("best", "latest"):
        folder = fold / (fold / name).read_text()
        for file in ("model", "ema", "optimizer"):
            tensors = load_file(folder / f"{file}.safetensors")
            result[f"{name}/{file}"] = {k: v.numpy().tobytes() for k, v in tensors.items()}
    return result


def main() -> None:
    """Kill, resume, compare, and say it in one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--data", type=Path, default=HERE.parent / "tests/data/skin_isic2017")
    args = parser.parse_args()
    PROCESSES.set_forkserver_preload(["medsegdiff.engine.train"])
    moments = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        unbroken = Path(folder) / "unbroken"
        seconds = finished(args.data, unbroken, args.steps)
        expected, done, same = outcome(unbroken), [], 0
        for number in range(args.times):
            run = Path(folder) / f"run_{number}"
            after, pause = moments.randrange(args.steps), moments.uniform(0, seconds / args.steps)
            done.append(killed(args.data, run, args.steps, after, pause))
            finished(args.data, run, args.steps)
            same += outcome(run) == expected
    print(
        f"{args.times} trainings of {args.steps} steps killed at random moments (after "
        f"{min(done)} to {max(done)} steps, median {sorted(done)[len(done) // 2]}): {same} of "
        f"{args.times} resumed bit by bit."
    )
    sys.exit(same != args.times)


if __name__ == "__main__":
    main()
