"""Speed beside other diffusion segmenters and beside the processor's limits, in one run.

    python benchmarks/bench.py [--side 128 --side 256] [--precision fp32 --precision bf16]
                               [--repeats 5] [--out benchmarks/results/speed]

All sides take turns; figures are medians, of works of more than three seconds a single run. Writes
OUT.json and OUT.md, with machine and commit. The others' packages: `pip install --no-deps -r
benchmarks/peers.txt`, which `make bench` does; they are no extra, since what they ask for brings
CUDA. What is computed from measured times says so: predictions are the look at the image plus steps
times chunks of eight members, since a thousand steps of twenty-five members would take a day. Ours
are measured whole, too.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from ablation.measure import commit
from speed.contender import (
    CHUNK,
    Task,
    gflop,
    moved_gb,
    parameters,
    prediction_seconds,
    repeated,
)
from speed.contenders import CONTENDERS
from speed.limits import limits
from speed.memory import peak
from speed.ours import Ours
from speed.tables import page
from speed.timing import alternating

from medsegdiff.engine.environment import environment
from medsegdiff.engine.precision import chosen_device, is_bf16_fast

MEMBERS = (1, 8, 25)
BATCH = 4
WHOLE = 10  # steps; predictions of ours with more are computed only
HERE = Path(__file__).parent


def measured(task: Task, repeats: int) -> list[dict[str, Any]]:
    """Figures of all contenders at one task."""
    with tempfile.TemporaryDirectory() as folder:
        sides = [build(task, Path(folder) / name) for name, build in CONTENDERS.items()]
        chunks = sorted({min(CHUNK, m) for m in MEMBERS} | {m % CHUNK for m in MEMBERS} - {0})
        steps = {
            count: alternating(
                {one.name: lambda one=one, count=count: one.step(count) for one in sides}, repeats
            )
            for count in chunks
        }
        ours = {one.name: one for one in sides if isinstance(one, Ours) and one.steps <= WHOLE}
        whole = {
            members: alternating(
                {name: lambda one=one, n=members: one.predict(n) for name, one in ours.items()},
                repeats,
            )
            for members in MEMBERS
        }
        looks = alternating({one.name: one.look for one in sides}, repeats)
        trained = alternating({one.name: one.train_step for one in sides}, repeats)
        rows = []
        for one in sides:
            times = {count: found[one.name] for count, found in steps.items()}
            rows.append(
                {
                    "name": one.name,
                    "side": task.side,
                    "precision": task.precision,
                    "batch": task.batch,
                    "parameters": parameters(one.network),
                    "look_gflop": gflop(one.look),
                    "step_gflop": gflop(lambda one=one: one.step(1)),
                    "look_s": looks[one.name],
                    "step_s": times,
                    "train_images_per_s": task.batch / trained[one.name],
                    "train_gflop": gflop(lambda one=one: repeated(one)) / one.kinds_of_step,
                    "memory_mib": peak_mib(one.name, task),
                    "moved_gb": {
                        "look": moved_gb(one.look),
                        "step of 1": moved_gb(lambda one=one: one.step(1)),
                        f"step of {CHUNK}": moved_gb(lambda one=one: one.step(CHUNK)),
                    },
                    "whole_s": {
                        n: found[one.name] for n, found in whole.items() if one.name in ours
                    },
                    "own_steps": one.steps,
                    "predictions": [
                        {
                            "members": members,
                            "steps": count,
                            "s": prediction_seconds(looks[one.name], times, members, count),
                        }
                        for members in MEMBERS
                        for count in sorted({one.steps, sides[0].steps})
                    ],
                }
            )
        del sides
        gc.collect()
    return rows


def peak_mib(name: str, task: Task) -> float | None:
    """Peak of a process that looks at an image and takes one step of a chunk of members."""
    if task.device.type != "cpu":
        return None
    words = [f"--memory-of={name}", f"--side={task.side}", f"--precision={task.precision}"]
    command = [sys.executable, __file__, "--device=cpu", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def looked_and_stepped(name: str, task: Task) -> None:
    """What `peak_mib` asks of its process."""
    with tempfile.TemporaryDirectory() as folder:
        one = CONTENDERS[name](task, Path(folder))
        one.look()
        one.step(CHUNK)
    print(peak())


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, action="append")
    parser.add_argument("--precision", choices=("fp32", "bf16"), action="append")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "speed")
    parser.add_argument("--memory-of", choices=list(CONTENDERS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    device = chosen_device(given.device)
    if given.memory_of:
        looked_and_stepped(given.memory_of, Task(given.side[0], 1, given.precision[0], device))
        return
    precisions = given.precision or (["fp32", "bf16"] if is_bf16_fast(device) else ["fp32"])
    found: dict[str, Any] = {
        "command": " ".join(["python", "benchmarks/bench.py", *sys.argv[1:]]),
        "commit": commit(),
        "machine": {**environment(), "device": str(device)},
        "limits": limits(device, given.repeats),
        "rows": [],
    }
    for precision in precisions:
        for side in given.side or [128, 256]:
            torch.manual_seed(0)
            found["rows"] += measured(Task(side, BATCH, precision, device), given.repeats)
            given.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
            given.out.with_suffix(".md").write_text(page(found))
    print(page(found))


if __name__ == "__main__":
    main()
