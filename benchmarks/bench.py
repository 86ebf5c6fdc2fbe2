"""Speed beside other diffusion segmenters and beside the processor's limits, in one run.

    python benchmarks/bench.py [--side 128 --side 256] [--precision fp32 --precision bf16]
                               [--repeats 5] [--out benchmarks/results/speed]

The limits are the most that was reached at the start and after each task. All sides take turns,
each in a process of its own: one that predicts, and later one that trains. Figures are medians; of
works of more than 3 seconds, of three runs, and of more than 15 of one, and the JSON says of how
many. Writes OUT.json and OUT.md, with machine and commit. The others' packages: `pip install
--no-deps -r benchmarks/peers.txt`, which `make bench` does; they are no extra, since what they ask
for brings CUDA. What is computed from measured times says so: a prediction is the look at the image
plus its steps, ours in chunks of eight members, the others' in chunks of eight or one by one,
whichever is faster, since a thousand steps of twenty-five members would take a day. Ours are
measured whole, too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from result_file import made_with, typed
from speed.contender import CHUNK, Task, prediction_seconds
from speed.contenders import CONTENDERS
from speed.helper import Helper
from speed.limits import larger, limits
from speed.tables import page
from speed.timing import Timing, alternating
from speed.worker import work

from medsegdiff.engine.precision import chosen_device, is_bf16_fast

MEMBERS = (1, 8, 25)
STEPS_OF = sorted({min(CHUNK, m) for m in MEMBERS} | {m % CHUNK for m in MEMBERS} - {0})
OURS = next(iter(CONTENDERS))
BATCH = 4
WHOLE = 10  # steps; predictions of ours with more are computed only
HERE = Path(__file__).parent

Sides = Mapping[str, Helper]
Timings = dict[str, dict[str, Timing]]  # by part, then by name


@contextmanager
def sides(task: Task) -> Iterator[Sides]:
    """All contenders, each in a process that has done nothing yet."""
    words = [f"--{key}={value}" for key, value in vars(task).items()]
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(Helper([__file__, f"--work={name}", *words]))
            for name in CONTENDERS
        }


def timed(asked: Sides, repeats: int, *work: str | int) -> dict[str, Timing]:
    """Seconds of a work of each, in turns."""
    turns = {name: partial(one.ask, "seconds", *work) for name, one in asked.items()}
    return alternating(turns, repeats)


def measured(task: Task, repeats: int) -> list[dict[str, Any]]:
    """Figures of all contenders at one task."""
    with sides(task) as predicting:
        peaks = {name: one.ask("peak") for name, one in predicting.items()}
        costs = {name: one.ask("costs") for name, one in predicting.items()}
        found: Timings = {"look": timed(predicting, repeats, "look")}
        for count in STEPS_OF:
            found[f"step of {count}"] = timed(predicting, repeats, "step", count)
        whole = {name: one for name, one in predicting.items() if is_drawn_whole(costs[name])}
        for members in MEMBERS:
            found[f"prediction of {members}"] = timed(whole, repeats, "predict", members)
    with sides(task) as training:
        found["training"] = timed(training, repeats, "train_steps")
        trained = {name: one.ask("training_costs") for name, one in training.items()}
    return [
        {
            "name": name,
            "side": task.side,
            "precision": task.precision,
            "batch": task.batch,
            "memory_mib": peaks[name],
            "train_gflop": trained[name]["gflop"],
            "train_moved_gb": trained[name]["moved_gb"],
            **costs[name],
            **seconds(name, costs, {part: of[name] for part, of in found.items() if name in of}),
            "train_images_per_s": task.batch
            * costs[name]["steps_in_a_row"]
            / found["training"][name].s,
        }
        for name in CONTENDERS
    ]


def seconds(
    name: str, costs: Mapping[str, Mapping[str, Any]], found: Mapping[str, Timing]
) -> dict[str, Any]:
    """What the parts of a contender take, and predictions made of them."""
    look, steps = found["look"].s, {count: found[f"step of {count}"].s for count in STEPS_OF}
    numbers = sorted({costs[name]["own_steps"], costs[OURS]["own_steps"]})
    predict = prediction_seconds if costs[name]["is_ours"] else fastest_seconds
    return {
        "look_s": look,
        "step_s": {str(count): taken for count, taken in steps.items()},
        "whole_s": {
            str(members): found[f"prediction of {members}"].s
            for members in MEMBERS
            if f"prediction of {members}" in found
        },
        "runs": {part: timing.runs for part, timing in found.items()},
        "predictions": [
            {"members": members, "steps": number, "s": predict(look, steps, members, number)}
            for members in MEMBERS
            for number in numbers
        ],
    }


def is_drawn_whole(costs: Mapping[str, Any]) -> bool:
    """Whether predictions are measured whole, too."""
    return costs["is_ours"] and costs["own_steps"] <= WHOLE


def fastest_seconds(look: float, chunks: Mapping[int, float], members: int, steps: int) -> float:
    """Seconds of a prediction in chunks of members, or of one member after the other if faster."""
    return min(prediction_seconds(look, chunks, members, steps), look + steps * members * chunks[1])


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, action="append")
    parser.add_argument("--precision", choices=("fp32", "bf16"), action="append")
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "speed")
    parser.add_argument("--work", choices=list(CONTENDERS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    device = chosen_device(given.device)
    if given.work:
        work(given.work, Task(given.side[0], given.batch, given.precision[0], device))
        return
    precisions = given.precision or (["fp32", "bf16"] if is_bf16_fast(device) else ["fp32"])
    found: dict[str, Any] = {
        **made_with(typed(), device=str(device)),
        "limits": limits(device, given.repeats),
        "rows": [],
    }
    for precision in precisions:
        for side in given.side or [256, 128]:
            found["rows"] += measured(Task(side, given.batch, precision, device), given.repeats)
            found["limits"] = larger(found["limits"], limits(device, given.repeats))
            given.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
            given.out.with_suffix(".md").write_text(page(found))
    print(page(found))


if __name__ == "__main__":
    main()
