"""What single decisions on speed are worth: the program as it is beside itself with one changed.

    python benchmarks/trials.py [--turns 9] [--threads 2] [--only WORD ...]
                                [--out benchmarks/results/trials.json]

Each row is a change that a setting, an environment variable or a few lines here can make, in a
process of its own; it takes turns with a process without the change. A turn is eight training steps
at 128 x 128, batch 4, or a prediction of 8 members at 256 x 256, in float32. Writes OUT with all
turns, machine and commit.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch
from result_file import made_with, typed
from speed.contender import Task
from speed.helper import Helper, answer_all
from speed.ours import Ours
from speed.tables import table
from speed.timing import seconds_of

from medsegdiff.engine import allocator, run_setup
from medsegdiff.models import ff_parser

TASKS = {"training": (128, 4), "prediction": (256, 1)}  # side and batch
MEMBERS = 8
HERE = Path(__file__).parent


def nothing(ours: Ours) -> None:
    """The program as it is."""


def free_memory(ours: Ours) -> None:
    """Freed memory goes back to the system in trainings, too."""
    run_setup.keep_freed_memory = lambda: False


def keep_memory(ours: Ours) -> None:
    """Freed memory stays in predictions, too."""
    allocator.keep_freed_memory()


def slow_optimizer(ours: Ours) -> None:
    """AdamW operation by operation over the weights."""
    for group in ours.trainer.optimizer.param_groups:
        group.update(fused=False, foreach=False)


def contiguous(ours: Ours) -> None:
    """Weights with channels first."""
    ours.trainer.network.to(memory_format=torch.contiguous_format)


def kept_filters(ours: Ours) -> None:
    """The FF-Parser's filter interpolated once for a size."""
    made: dict[tuple[int, torch.Size], torch.Tensor] = {}
    interpolate = ff_parser.resampled

    def once(weights: torch.Tensor, size: torch.Size) -> torch.Tensor:
        key = weights.data_ptr(), size
        if key not in made:
            made[key] = interpolate(weights, size)
        return made[key]

    ff_parser.resampled = once


@dataclass(frozen=True)
class Change:
    """One thing that is done otherwise.

    Args:
        of: "training" or "prediction".
        make: makes it, before the first turn.
        words: settings that make it.
        variables: of the environment that make it.
    """

    of: str
    make: Callable[[Ours], None] = nothing
    words: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


CHANGES = {
    "freed memory goes back to the system": Change("training", free_memory),
    "AdamW operation by operation, not fused": Change("training", slow_optimizer),
    "weights with channels first": Change("training", contiguous),
    "batches made ahead on four threads": Change("training", words=("train.loaders=4",)),
    "the batch in parts of two": Change("training", words=("train.micro_batch=2",)),
    "freed memory stays": Change("prediction", keep_memory),
    "huge pages": Change("prediction", variables={"THP_MEM_ALLOC_ENABLE": "1"}),
    "FF-Parser's filter interpolated once": Change("prediction", kept_filters),
    "members one by one": Change("prediction", words=("predict.member_batch=1",)),
}


def work(of: str, name: str | None) -> None:
    """One side: build the program, with a change or without, and take a turn whenever asked."""
    change = CHANGES[name] if name else Change(of)
    side, batch = TASKS[of]
    task = Task(side, batch, "fp32", torch.device("cpu"))
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(task, Path(folder), *change.words)
        change.make(ours)
        turns = {"training": ours.train_steps, "prediction": lambda: ours.predict(MEMBERS)}
        answer_all(lambda: seconds_of(turns[of]))


def compared(name: str, change: Change, threads: int, turns: int) -> dict[str, Any]:
    """Let the program and the changed one take turns."""
    usual = {"OMP_NUM_THREADS": str(threads)}
    words = [__file__, f"--work={change.of}"]
    with (
        Helper(words, **usual) as plain,
        Helper([*words, f"--change={name}"], **usual, **change.variables) as changed,
    ):
        both = {"as_it_is": plain, "changed": changed}
        seconds: dict[str, list[float]] = {side: [] for side in both}
        for turn in range(turns + 1):  # the first one warms up
            for side, helper in both.items():
                taken = helper.ask()
                if turn:
                    seconds[side].append(taken)
    ratios = [b / a for a, b in zip(seconds["as_it_is"], seconds["changed"], strict=True)]
    return {"change": name, "of": change.of, "turns_s": seconds, "ratio": median(ratios)}


def page(found: dict[str, Any]) -> str:
    """What was measured, as Markdown."""
    head = (
        f"`{found['command']}` at commit {found['commit']}, on {found['machine']['threads']} "
        f"threads of an {found['machine']['processor']}, in float32. A turn is eight training "
        f"steps at 128 × 128, batch 4, or a prediction of {MEMBERS} members at 256 × 256; medians "
        f"of {len(found['rows'][0]['turns_s']['changed'])} turns; above 1, the change is slower."
    )
    lines = [
        [
            row["change"],
            row["of"],
            *(f"{median(row['turns_s'][side]):.3f}" for side in ("as_it_is", "changed")),
            f"{row['ratio']:.2f}",
        ]
        for row in found["rows"]
    ]
    heads = ["what is changed", "in a", "as it is, s", "changed, s", "ratio"]
    return f"{head}\n\n{table(heads, lines)}"


def main() -> None:
    """Measure change by change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="words, of which the name of a change has one")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "trials.json")
    parser.add_argument("--work", choices=list(TASKS), help=argparse.SUPPRESS)
    parser.add_argument("--change", choices=list(CHANGES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work, given.change)
        return
    wanted = {
        name: change
        for name, change in CHANGES.items()
        if not given.only or any(word in name for word in given.only)
    }
    rows = [compared(name, one, given.threads, given.turns) for name, one in wanted.items()]
    found = {
        **made_with(typed(), threads=given.threads),
        "rows": rows,
    }
    given.out.write_text(json.dumps(found, indent=1) + "\n")
    print(page(found))


if __name__ == "__main__":
    main()
