"""What a GPU makes of the networks, in one call of at most eight minutes.

    python benchmarks/gpu.py [--side 256] [--batch 32] [--minutes 8] [--device cuda]
                             [--commit NAME] [--out benchmarks/results/gpu]

Rows: each network in bfloat16 and in float32, the default also compiled. Columns: milliseconds for
the look at the image, for a step of 8 and of 25 members, and for a whole prediction of 25 members
as the program makes it (preparation, noise, all steps, fusion); images a second in training, with
reading and augmentation; the most memory that either needed. Beside them stands what the GPU makes
of a matrix product in the same run. Operations are counted on the processor, with one image. A row
that fails is left out and named, and so is one that is likely not to fit into the minutes. Writes
OUT.json and OUT.md after each row, with machine and commit, and prints the table at the end.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from ablation.measure import commit
from speed.contender import Task, counted
from speed.limits import limits
from speed.ours import Ours
from speed.tables import table
from speed.timing import Work, seconds_of

from medsegdiff.engine.environment import environment
from medsegdiff.engine.precision import chosen_device
from medsegdiff.engine.predict import predict
from medsegdiff.engine.settings import with_predict

MEMBERS = 25
REPEATS, WARM_UPS = 10, 3
ENOUGH = 10.0  # seconds of one work, however few its runs
COMPILED = ("train.compiled=true", "predict.compiled=true")
LIKELY = {COMPILED: 180.0}  # seconds that a row takes at least, if it is known
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """A line of the table: a network, how it computes, and the settings that say so."""

    name: str
    precision: str
    words: tuple[str, ...] = ()


ROWS = (
    Row("medsegdiff", "bf16"),
    Row("medsegdiff", "fp32"),
    Row("medsegdiff_v1 (small)", "bf16", ("model.network=medsegdiff_v1",)),
    Row("medsegdiff_v2", "bf16", ("model.network=medsegdiff_v2",)),
    Row("medsegdiff_v1 (small)", "fp32", ("model.network=medsegdiff_v1",)),
    Row("medsegdiff_v2", "fp32", ("model.network=medsegdiff_v2",)),
    Row("medsegdiff, compiled", "bf16", COMPILED),  # last: compiling takes minutes
)
CPU = torch.device("cpu")


def measured(row: Row, task: Task) -> dict[str, Any]:
    """All figures of a row; times in seconds."""
    if task.device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(task.device)
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(task, Path(folder), *row.words, name=row.name)
        sample = ours.sample()
        config = with_predict(ours.config, members=MEMBERS, member_batch=MEMBERS)
        works: dict[str, Work] = {
            "look_s": ours.look,
            "step_of_8_s": partial(ours.step, 8),
            f"step_of_{MEMBERS}_s": partial(ours.step, MEMBERS),
            "prediction_s": partial(predict, sample, ours.model, config),
            "train_s": ours.train_steps,
        }
        found: dict[str, Any] = {name: typical(work) for name, work in works.items()}
    found["train_images_per_s"] = ours.steps_in_a_row * task.batch / found.pop("train_s")
    found["steps"] = ours.steps
    if task.device.type == "cuda":
        found["memory_gib"] = torch.cuda.max_memory_allocated(task.device) / 2**30
    words = tuple(word for word in row.words if word not in COMPILED)
    return {"name": row.name, "precision": row.precision, **found, **operations(words, task.side)}


@cache
def operations(words: tuple[str, ...], side: int) -> dict[str, float]:
    """GFLOP of a step of a member, and of training on an image; they are the same everywhere."""
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(Task(side, 1, "fp32", CPU), Path(folder), *words)
        ours.look()
        step, training = counted(partial(ours.step, 1)), counted(ours.train_steps)
    return {"step_gflop": step.gflop, "train_gflop": training.gflop / ours.steps_in_a_row}


def typical(work: Work) -> float:
    """Median seconds, after some runs that warm up and compile."""
    for _ in range(WARM_UPS):
        work()
    taken: list[float] = []
    while len(taken) < REPEATS and sum(taken) < ENOUGH:
        taken.append(seconds_of(work))
    return median(taken)


def page(found: dict[str, Any]) -> str:
    """What was measured, as Markdown."""
    most, machine = found["limits"], found["machine"]
    head = (
        f"`{found['command']}` at commit {found['commit']}: "
        f"{', '.join(machine['gpus']) or machine['device']}, "
        f"torch {machine['packages']['torch']}. Matrix products in the same run: "
        f"{most['fp32_gflops'] / 1e3:.1f} TFLOP/s of float32, {most['bf16_gflops'] / 1e3:.1f} of "
        f"bfloat16. Side {found['side']}, training batch {found['batch']}."
    )
    heads = ["", "", "look, ms", "step of 8, ms", f"step of {MEMBERS}, ms"]
    heads += ["of the peak", f"{MEMBERS} members in all, ms", "training, images/s", "of the peak"]
    heads += ["GiB"]
    lines = []
    for row in found["rows"]:
        step = row[f"step_of_{MEMBERS}_s"]
        peak = most[f"{row['precision']}_gflops"]
        speed = row["train_images_per_s"]
        times = (row["look_s"], row["step_of_8_s"], step)
        lines.append(
            [
                row["name"],
                row["precision"],
                *(f"{1e3 * one:.2f}" for one in times),
                f"{MEMBERS * row['step_gflop'] / step / peak:.0%}",
                f"{1e3 * row['prediction_s']:.2f}",
                f"{speed:.1f}",
                f"{speed * row['train_gflop'] / peak:.0%}",
                f"{row['memory_gib']:.1f}" if "memory_gib" in row else "–",
            ]
        )
    left = [f"Left out: {', '.join(found['left_out'])}."]
    return "\n\n".join([head, table(heads, lines), *(left if found["left_out"] else [])]) + "\n"


def add(row: Row, task: Task, found: dict[str, Any]) -> None:
    """Measure a row, or say why it is left out."""
    torch.manual_seed(0)
    try:
        found["rows"].append(measured(row, task))
    except Exception as error:  # whatever a compiler or a driver raises: the others go on
        why = (str(error) or type(error).__name__).splitlines()[0]
        found["left_out"].append(f"{row.name} in {row.precision}, which failed: {why}")
    gc.collect()  # what the row held on the GPU


def main() -> None:
    """Measure row by row, as long as there is time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--commit", help="its name, where there is no repository")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "gpu")
    given = parser.parse_args()
    start, longest = time.perf_counter(), 0.0
    device = chosen_device(given.device)
    found: dict[str, Any] = {
        "command": " ".join(["python", "benchmarks/gpu.py", *sys.argv[1:]]),
        "commit": given.commit or commit(),
        "machine": {**environment(), "device": str(device)},
        "side": given.side,
        "batch": given.batch,
        "limits": limits(device),
        "rows": [],
        "left_out": [],
    }
    rows = [row for row in ROWS if device.type == "cuda" or row.words != COMPILED]
    for row in rows:
        begun = time.perf_counter()
        if begun - start + max(longest, LIKELY.get(row.words, 0.0)) > 60 * given.minutes:
            found["left_out"].append(f"{row.name} in {row.precision}, for want of time")
        else:
            add(row, Task(given.side, given.batch, row.precision, device), found)
        longest = max(longest, time.perf_counter() - begun)
        print(f"{row.name} in {row.precision}: {time.perf_counter() - begun:.0f} s", flush=True)
        given.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
        given.out.with_suffix(".md").write_text(page(found))
    print(page(found))


if __name__ == "__main__":
    main()
