"""Minutes as steps: the arms' training steps timed in turn, once, on one quiet core."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml

from medsegdiff.data import Folder, PreparedCache
from medsegdiff.engine.config import RunConfig
from medsegdiff.engine.environment import environment
from medsegdiff.engine.run_setup import set_up
from medsegdiff.engine.trainer import Trainer
from medsegdiff.engine.training_batch import BatchMaker
from medsegdiff.errors import ConfigError
from medsegdiff.files import atomic_write

from .measure import commit
from .plan import Grid, chosen, read_steps

ROUNDS = 20


def calibrate(
    grid: Grid,
    data_root: Path,
    tell: Callable[[str], object],
    *,
    tables: Sequence[str] = (),
    rounds: int = ROUNDS,
    device: str = "cpu",
    is_again: bool = False,
) -> None:
    """Write the file of steps for arms that are not in it yet.

    Args:
        grid: what is trained, and for how many minutes.
        data_root: the folder of the data sets.
        tell: is given one line for each arm.
        tables: only their arms.
        rounds: timed steps of each arm.
        device: as for `medsegdiff train --device`.
        is_again: time those that are in it, too.
    """
    known = read_steps(grid.steps_file)
    for data in grid.data:
        wanted = {
            arm: None
            for table in chosen(grid, tables).values()
            for arm in table.arms
            if data in grid.data_of(table) and (is_again or arm not in known.get(data, {}))
        }
        configs = accepted(grid, [*wanted, *_beside(grid, wanted)], data, tell)
        measured = at_pace(grid, timed(configs, data_root / data, rounds, device))
        for arm in [one for one in wanted if one in measured]:
            seconds = round(measured[arm], 4)  # as written: the steps follow from the file alone
            steps = max(1, int(60 * grid.minutes / seconds))
            known.setdefault(data, {})[arm] = {"seconds_per_step": seconds, "steps": steps}
            tell(f"{data}, {arm}: {seconds:.3f} s a step, {steps} steps")
        write_steps(grid, known, device)


def _beside(grid: Grid, wanted: Collection[str]) -> list[str]:
    """The arm that tells how fast this machine is, where it is not timed anyway."""
    return [grid.pace.arm] if grid.pace and wanted and grid.pace.arm not in wanted else []


def at_pace(grid: Grid, seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds of this machine as those of the machine whose minutes the grid means."""
    if grid.pace is None or not seconds:
        return dict(seconds)
    slower = grid.pace.seconds / seconds[grid.pace.arm]
    return {arm: slower * one for arm, one in seconds.items()}


def accepted(
    grid: Grid, arms: Sequence[str], data: str, tell: Callable[[str], object]
) -> dict[str, RunConfig]:
    """Settings of the arms that this version of the program takes; the others are told."""
    configs = {}
    for arm in arms:
        try:
            configs[arm] = grid.settings(arm, data)
        except ConfigError as error:
            tell(f"{arm} on {data} is left out: {error}")
    return configs


def timed(
    configs: Mapping[str, RunConfig], data: Path, rounds: int, device: str
) -> dict[str, float]:
    """Mean seconds of a training step of each arm; the arms take turns, so that all meet the load.

    Every arm does the same steps, on the same studies and with the same turns of recycling. On a
    processor its own time counts, which is the wall's where nothing else runs.
    """
    clock = time.process_time if device == "cpu" else time.perf_counter
    trainers = dict(zip(configs, trainers_of(list(configs.values()), data, device), strict=True))
    seconds = dict.fromkeys(trainers, 0.0)
    for number in range(rounds + 1):
        for arm, trainer in trainers.items():
            start = clock()
            trainer.step(number, rounds + 1)
            if number > 0:  # the first one allocates
                seconds[arm] += clock() - start
    return {arm: total / rounds for arm, total in seconds.items()}


def trainers_of(configs: Sequence[RunConfig], data: Path, device: str) -> list[Trainer]:
    """A trainer for each arm; arms that see studies in the same way share the decoded ones."""
    torch.set_num_threads(1)
    caches: dict[str, PreparedCache] = {}
    trainers = []
    with TemporaryDirectory() as run:
        for config in configs:
            trainer = set_up(Folder(root=data), Path(run), config, 0, None, device).trainer
            batches, view = trainer.batches, trainer.model.preparation.model_dump_json()
            if view not in caches:
                caches[view] = batches.cache
                warm(batches)
            batches.cache = caches[view]
            trainers.append(trainer)
    return trainers


def warm(batches: BatchMaker) -> None:
    """Decode all training studies, as far as the cache holds them."""
    for turn in batches.turns:
        batches.cache[turn.study]


def write_steps(grid: Grid, known: Mapping[str, Any], device: str) -> None:
    """Write the file of steps, with the machine on which they were last measured.

    What people wrote under `note` stays.
    """
    about = (
        "# Training steps that fit into the minutes of an arm, without validation. Written by\n"
        "# `python benchmarks/grid.py calibrate`; runs read it, so they can be made again anywhere."
    )
    file = grid.steps_file
    before = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    values = {
        "note": before.get("note", ""),
        "minutes": grid.minutes,
        "pace": grid.pace.model_dump() if grid.pace else None,
        "commit": commit(),
        "device": device,
        "machine": environment(),
        "arms": {data: dict(sorted(arms.items())) for data, arms in known.items()},
    }
    atomic_write(file, f"{about}\n{yaml.safe_dump(values, sort_keys=False)}")
