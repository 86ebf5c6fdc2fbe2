"""What a grid comes to: one job for each arm, data set and seed, however many tables show it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from medsegdiff.engine.config import RunConfig
from medsegdiff.errors import ConfigError

from .plan import FORMAT, OWN, Grid, chosen, read_steps


@dataclass(frozen=True)
class Job:
    """One training and what is measured of it afterwards.

    Args:
        name: of the result file: the arm, or table and arm if the table lists ways.
        config: the run's full settings.
        ways: overrides of the prediction, by name.
        split: the studies that are measured.
        result: the JSON file to write.
        command: words after `medsegdiff train DATA -o RUN` that make the same weights.
    """

    name: str
    arm: str
    data: str
    seed: int
    config: RunConfig
    ways: Mapping[str, tuple[str, ...]]
    split: str
    result: Path
    command: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Name of the run's folder; runs with the same settings and data share it."""
        text = json.dumps([self.data, self.config.model_dump(mode="json")], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        return f"{self.data}_{self.arm}_{self.seed}_{digest}"

    def is_done(self) -> bool:
        """Whether its result file is there, and was made with these settings as it would be now."""
        found = self.finished()
        return found is not None and found.get("format") == FORMAT

    def finished(self) -> dict[str, Any] | None:
        """Its result; None if it is not there, or was made with other settings.

        Settings that the program has learnt since then count as their defaults, and a precision
        that was left to a processor without bfloat16 as the float32 that it came to.
        """
        if not self.result.is_file():
            return None
        found = json.loads(self.result.read_text(encoding="utf-8"))
        try:
            then = _as_carried_out(RunConfig.model_validate(found["settings"]), found)
        except ValidationError:
            return None
        same = then.model_dump(mode="json") == self.config.model_dump(mode="json")
        ways = {name: list(words) for name, words in self.ways.items()}
        return found if same and found["asked"] == ways and found["split"] == self.split else None


def _as_carried_out(config: RunConfig, found: Mapping[str, Any]) -> RunConfig:
    if found["device"] != "cpu" or found["environment"]["bf16_on_cpu"]:
        return config
    parts = {
        name: part.model_copy(update={"precision": "fp32"})
        for name in ("train", "predict")
        if (part := getattr(config, name)).precision == "auto"
    }
    return config.model_copy(update=parts)


@dataclass(frozen=True)
class Plan:
    """The jobs of a grid, seed by seed, and in one sentence each what cannot be done."""

    jobs: tuple[Job, ...]
    left_out: tuple[str, ...]


def planned(grid: Grid, split: str = "val", tables: Sequence[str] = ()) -> Plan:
    """All jobs of some tables, those of the least seed first; a table's name may be cut short."""
    steps = read_steps(grid.steps_file)
    jobs: dict[Path, Job] = {}
    left_out: dict[str, None] = {}
    uncalibrated: dict[tuple[str, str], None] = {}
    for seed, key, arm, data in sorted(_wanted(grid, tables), key=itemgetter(0)):
        try:
            job = job_of(grid, key, arm, data, seed, split, steps)
        except ConfigError as error:
            left_out[f"{arm} on {data} is left out: {error}"] = None
            continue
        if job is None:
            uncalibrated[arm, data] = None
        else:
            jobs.setdefault(job.result, job)
    if uncalibrated:
        sentence = f"{len(uncalibrated)} pairs of arm and data set have no steps yet: calibrate."
        left_out[sentence] = None
    return Plan(tuple(jobs.values()), tuple(left_out))


def _wanted(grid: Grid, tables: Sequence[str]) -> Iterator[tuple[int, str, str, str]]:
    for key, table in chosen(grid, tables).items():
        for data in grid.data_of(table):
            for arm in table.arms:
                for seed in grid.seeds_of(table):
                    yield seed, key, arm, data


def job_of(
    grid: Grid, key: str, arm: str, data: str, seed: int, split: str, steps: Mapping[str, Any]
) -> Job | None:
    """The job that fills a table's rows of one arm, data set and seed.

    Returns:
        None while its minutes are not yet turned into steps.

    Raises:
        ConfigError: this version of the program does not take its settings.
    """
    grid.settings(arm, data)  # a setting that is not taken is told before missing steps
    if arm not in steps.get(data, {}):
        return None
    more = (f"train.seed={seed}", f"train.max_steps={steps[data][arm]['steps']}")
    ways = grid.tables[key].all_ways()
    name = f"{key}_{arm}" if ways else arm
    ending = f"{seed}.json" if split == "val" else f"{seed}_{split}.json"
    recipe = grid.arms[arm].recipe
    return Job(
        name=name,
        arm=arm,
        data=data,
        seed=seed,
        config=grid.settings(arm, data, *more),
        ways=ways or {OWN: ()},
        split=split,
        result=grid.results / data / f"{name}_{ending}",
        command=(*(["--config", recipe] if recipe else []), *grid.words(arm, data), *more),
    )
