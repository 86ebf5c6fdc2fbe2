"""The rows of a table: figures of all finished seeds, gathered from the result files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsegdiff.errors import ConfigError
from medsegdiff.metrics import Interval
from medsegdiff.metrics.failure_detection import rank_correlation

from .jobs import job_of
from .measure import DICE_OF, HEAD, PROGRAM
from .plan import FORMAT, OWN, Grid, Table, read_steps
from .statistics import Values, over_sets

FEWEST_RANKED = 5  # studies; a rank correlation of fewer says nothing
BESIDE = {PROGRAM: "drawn as the program does", HEAD: "condition head alone"}


@dataclass(frozen=True)
class Row:
    """One row: an arm, its condition head, or a way to predict.

    Args:
        key: what other rows are compared by: an arm, or a way.
        label: for people.
        figures: of each data set and seed that is finished, as `measure.py` wrote them.
        steps: of the training, by data set.
        leakage: of the run's process; None where nobody denoises.
    """

    key: str
    label: str
    figures: Mapping[str, Mapping[int, Mapping[str, Any]]] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)
    leakage: float | None = None

    def values(self, name: str, data: str, seeds: Sequence[int]) -> Values:
        """A measure as (seeds, studies), unknown values nan; empty without finished runs."""
        found = [self.figures.get(data, {}).get(seed, {}).get(name) for seed in seeds]
        return np.array([one for one in found if one is not None], dtype=np.float64)

    def seeds(self, data: str) -> tuple[int, ...]:
        """Seeds that are finished."""
        return tuple(self.figures.get(data, {}))

    def of_seeds(self, seeds: Mapping[str, frozenset[int]]) -> Row:
        """The same with these seeds of each data set alone, as far as they are finished."""
        figures = {
            data: {seed: one for seed, one in found.items() if seed in seeds[data]}
            for data, found in self.figures.items()
        }
        return replace(self, figures=figures)

    def pooled(self, folds: Sequence[str], name: str) -> Row:
        """The same with the studies of all folds as those of one set; other values as their mean.

        Only seeds count that are finished on every fold.
        """
        seeds = frozenset.intersection(*(frozenset(self.seeds(fold)) for fold in folds))
        figures = {
            seed: _pooled([self.figures[fold][seed] for fold in folds]) for seed in sorted(seeds)
        }
        steps = {name: round(sum(self.steps[fold] for fold in folds) / len(folds))} if seeds else {}
        return replace(self, figures={name: figures} if seeds else {}, steps=steps)

    def structures(self, sets: Sequence[str]) -> list[str]:
        """Names of the measures that have the Dice of one structure, in all runs on the sets."""
        found = [each for data in sets for each in self.figures.get(data, {}).values()]
        names = [name for name in (found[0] if found else {}) if name.startswith(DICE_OF)]
        return [name for name in names if all(name in each for each in found)]

    def interval(self, name: str, sets: Sequence[str]) -> Interval | None:
        """Mean over the data sets, seeds and studies; None where a set has none finished."""
        values = [self.values(name, data, self.seeds(data)) for data in sets]
        return over_sets(values) if all(one.size for one in values) else None

    def trust(self, sets: Sequence[str]) -> float | None:
        """Rank correlation of the quality with the true Dice, mean over the seeds, then the sets.

        None where a set lacks it: where nothing is finished, or was before quality was measured, or
        where there are fewer than five studies.
        """
        means = []
        for data in sets:
            pairs = [
                [self.values(name, data, [seed]) for name in ("expected_dice", "dice")]
                for seed in self.seeds(data)
            ]
            found = [
                rank_correlation(q[0].tolist(), d[0].tolist())
                for q, d in pairs
                if q.size >= FEWEST_RANKED
            ]
            known = [one for one in found if one is not None]
            if not known:
                return None
            means.append(sum(known) / len(known))
        return sum(means) / len(means)

    def minus(self, other: Row, name: str, sets: Sequence[str]) -> Interval | None:
        """Paired difference over the seeds and studies that both have.

        Raises:
            ConfigError: the studies are not the same.
        """
        differences = []
        for data in sets:
            seeds = [seed for seed in self.seeds(data) if seed in other.seeds(data)]
            if any(self.studies(data, seed) != other.studies(data, seed) for seed in seeds):
                raise ConfigError(
                    f"{self.label!r} and {other.label!r} were measured on other studies of {data}: "
                    "run them again with --again and another --work."
                )
            mine, theirs = (one.values(name, data, seeds) for one in (self, other))
            if not mine.size or mine.shape != theirs.shape:
                return None
            differences.append(mine - theirs)
        return over_sets(differences)

    def studies(self, data: str, seed: int) -> Sequence[str]:
        """Names of what was measured."""
        return self.figures[data][seed]["studies"]

    def scalar(self, name: str, sets: Sequence[str]) -> float | None:
        """Mean over seeds and sets of a measure that has one value a run."""
        values: list[NDArray[np.float64]] = []
        for data in sets:
            values.append(self.values(name, data, self.seeds(data)))
        return float(np.mean([one.mean() for one in values])) if all(map(len, values)) else None


@dataclass(frozen=True)
class Filled:
    """A table with its figures.

    Args:
        rows: in order.
        finished, planned: numbers of runs.
        commits: of the program that trained them, where it is known.
        outdated: labels of arms of which a run was measured by an earlier harness.
        left_out: sentences on arms that cannot be run.
    """

    key: str
    table: Table
    rows: tuple[Row, ...]
    sets: tuple[str, ...]
    finished: int
    planned: int
    commits: tuple[str, ...]
    outdated: tuple[str, ...]
    left_out: tuple[str, ...]

    def pooled(self, name: str) -> Filled:
        """The same with the folds of a cross-validation as one data set of this name."""
        rows = tuple(row.pooled(self.sets, name) for row in self.rows)
        return replace(self, rows=rows, sets=(name,))

    def shared(self) -> Filled:
        """The same with the seeds that all begun rows have, so that means can be compared."""
        seeds = {}
        for data in self.sets:
            each = [frozenset(found) for row in self.rows if (found := row.seeds(data))]
            seeds[data] = frozenset.intersection(*each) if each else frozenset()
        return replace(self, rows=tuple(row.of_seeds(seeds) for row in self.rows))

    @property
    def reference(self) -> Row:
        """The row that the others are compared with."""
        return next(row for row in self.rows if row.key == self.table.reference)


def filled(grid: Grid, key: str, split: str = "val") -> Filled:
    """Gather a table's figures; runs that are not finished, or stale, are left out."""
    table, steps = grid.tables[key], read_steps(grid.steps_file)
    results: dict[str, dict[str, dict[int, dict[str, Any]]]] = {}
    left_out: dict[str, None] = {}
    finished = wanted = 0
    for arm in table.arms:
        for data in grid.data_of(table):
            for seed in grid.seeds_of(table):
                wanted += 1
                try:
                    job = job_of(grid, key, arm, data, seed, split, steps)
                except ConfigError as error:
                    left_out[f"{grid.label(arm)} on {data}: {error}"] = None
                    continue
                if job is not None and (result := job.finished()) is not None:
                    finished += 1
                    results.setdefault(arm, {}).setdefault(data, {})[seed] = result
    rows = [row for arm in table.arms for row in _rows(grid, table, arm, results.get(arm, {}))]
    sets = grid.data_of(table)
    each = [
        (arm, one)
        for arm, by_data in results.items()
        for by_seed in by_data.values()
        for one in by_seed.values()
    ]
    commits = tuple(sorted({one["trained_at"] for _, one in each if one.get("trained_at")}))
    old = dict.fromkeys(grid.label(arm) for arm, one in each if one.get("format") != FORMAT)
    whole = Filled(
        key, table, tuple(rows), sets, finished, wanted, commits, tuple(old), tuple(left_out)
    )
    return whole.pooled(table.folds_of) if table.folds_of else whole


def _rows(
    grid: Grid, table: Table, arm: str, results: Mapping[str, Mapping[int, Mapping[str, Any]]]
) -> list[Row]:
    """An arm's rows: its own, and those of what is measured beside it; or one for each way."""
    every = [one for by_seed in results.values() for one in by_seed.values()]
    steps = {
        data: max(one["steps"] for one in by_seed.values())
        for data, by_seed in results.items()
        if by_seed
    }
    leaks = [one["leakage"] for one in every if one["leakage"] is not None]
    leak = float(np.mean(leaks)) if leaks else None
    rows = []
    for way in table.all_ways() or (OWN, *BESIDE):
        name = f"figures of {way}"
        figures = {
            data: {
                seed: {**one[name], "studies": one["studies"]}
                for seed, one in by_seed.items()
                if name in one
            }
            for data, by_seed in results.items()
        }
        if way in BESIDE:
            if any(figures.values()):
                label = f"{grid.label(arm)}, {BESIDE[way]}"
                rows.append(Row(f"{arm}/{way}", label, figures, steps))
        elif way == OWN:
            rows.append(Row(arm, grid.label(arm), figures, steps, leak))
        else:
            rows.append(Row(way, way, figures, steps, leak))
    return rows


def _pooled(folds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all folds have: lists one after the other, numbers as their mean."""
    result: dict[str, Any] = {}
    for name in folds[0]:
        each = [fold.get(name) for fold in folds]
        if any(one is None for one in each):
            continue
        is_list = isinstance(each[0], Sequence)
        result[name] = [value for one in each for value in one] if is_list else np.mean(each)
    return result
