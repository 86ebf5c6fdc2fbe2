"""Speed beside other diffusion segmenters and beside the processor's limits, in one run.

    python benchmarks/bench.py [--side 128 --side 256] [--precision fp32 --precision bf16]
                               [--repeats 5] [--out benchmarks/results/speed]

All sides take turns; figures are medians, of works of more than three seconds a single run. Writes
OUT.json and OUT.md, with machine and commit. The others' packages: `pip install --no-deps -r
benchmarks/peers.txt` (`make bench` does it). What is computed from measured times says so: whole
predictions are the look at the image plus steps times chunks of eight members, since a thousand
steps of twenty-five members would take a day.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from ablation.measure import commit
from speed.contender import CHUNK, Contender, Task, gflop, parameters, prediction_seconds
from speed.limits import limits
from speed.ours import Ours
from speed.tables import page
from speed.theirs import Lucidrains, Monai
from speed.timing import alternating

from medsegdiff.engine.environment import environment
from medsegdiff.engine.precision import chosen_device, is_bf16_fast

MEMBERS = (1, 8, 25)
BATCH = 4
HERE = Path(__file__).parent


def contenders(task: Task, folder: Path) -> list[Contender]:
    """Everyone who takes part; ours first."""
    return [
        Ours(task, folder / "default"),
        Ours(task, folder / "v1", "model.network=medsegdiff_v1", name="medsegdiff_v1 (small)"),
        Lucidrains(task),
        Monai(task),
    ]


def measured(task: Task, repeats: int) -> list[dict[str, Any]]:
    """Figures of all contenders at one task."""
    with tempfile.TemporaryDirectory() as folder:
        sides = contenders(task, Path(folder))
        chunks = sorted({min(CHUNK, m) for m in MEMBERS} | {m % CHUNK for m in MEMBERS} - {0})
        steps = {
            count: alternating(
                {one.name: lambda one=one, count=count: one.step(count) for one in sides}, repeats
            )
            for count in chunks
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
                    "parameters": parameters(one.network),
                    "look_gflop": gflop(one.look),
                    "step_gflop": gflop(lambda one=one: one.step(1)),
                    "look_s": looks[one.name],
                    "step_s": times,
                    "train_images_per_s": task.batch / trained[one.name],
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


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, action="append")
    parser.add_argument("--precision", choices=("fp32", "bf16"), action="append")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "speed")
    given = parser.parse_args()
    device = chosen_device(given.device)
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
