"""What a grid wants: arms, data sets, seeds and tables, read from one YAML file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, field_validator

from medsegdiff.component import Config
from medsegdiff.engine.config import RunConfig
from medsegdiff.engine.settings import read_run_config, validated
from medsegdiff.errors import ConfigError

BENCHMARKS = Path(__file__).resolve().parents[1]
PEERS = BENCHMARKS / "peers"  # a plug-in: `dynunet`, found when the folder is on Python's path
OWN = "own"  # the way in which a run's own settings predict
FORMAT = 2  # of result files: 2 has a temperature and a threshold for each way to predict


class Arm(Config):
    """What is trained: a recipe and what differs from it.

    Args:
        recipe: as for `medsegdiff train --config`.
        settings: words such as `model.network.fusion=none`.
        label: what the tables call it; else its name.
    """

    recipe: str | None = None
    settings: tuple[str, ...] = ()
    label: str | None = None

    @field_validator("settings", mode="before")
    @classmethod
    def _flat(cls, given: Sequence[Any]) -> list[str]:
        """Lists in the list, which an anchor of YAML puts there, are taken apart."""
        return [word for one in given for word in ([one] if isinstance(one, str) else one)]


class Table(Config):
    """Arms beside each other; or, with `steps`, `members` or `ways`, ways to predict with one arm.

    Args:
        arms: names, in the order of the rows.
        reference: the row that the others are compared with: an arm, or a way such as `5 x 8`.
        data: data sets; empty takes all of the grid's.
        note: a sentence or two under the title.
        seeds: of this table; empty takes the grid's.
        folds_of: the data set whose folds the grid's are; their studies are shown as one set's.
        has_leakage: show how well blur and threshold read the mask off x_t alone.
        steps, members: every pair of them is a way to predict.
        ways: more of them, by name, each with words such as `sampler.start=0.5`.
    """

    title: str
    arms: tuple[str, ...] = Field(min_length=1)
    reference: str
    data: tuple[str, ...] = ()
    note: str = ""
    seeds: tuple[int, ...] = ()
    folds_of: str | None = None
    has_leakage: bool = False
    steps: tuple[int, ...] = ()
    members: tuple[int, ...] = ()
    ways: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    def all_ways(self) -> dict[str, tuple[str, ...]]:
        """Overrides of the prediction, by name; empty if each arm predicts in its own way."""
        pairs = [(steps, members) for steps in self.steps for members in self.members]
        grid = {f"{s} x {m}": (f"sampler.steps={s}", f"members={m}") for s, m in pairs}
        return grid | self.ways


class Pace(Config):
    """The machine whose minutes are meant: an arm's training step takes so many seconds there."""

    arm: str
    seconds: float = Field(gt=0)


class Grid(Config):
    """A whole YAML file.

    Args:
        name: of the results' folder and of the file of steps.
        folder: where the file lies; steps and results lie beside it.
        page: the Markdown file that shows the tables, seen from the folder above.
        minutes: training time of an arm, turned into steps by `calibrate`.
        pace: of the machine whose minutes they are; None is the one that calibrates.
        data: folders under the data root, each with words that hold for all arms on it.
        common: words that hold for all arms; those of an arm come later and win.
    """

    name: str
    folder: Path = BENCHMARKS
    page: Path
    minutes: float = Field(gt=0)
    pace: Pace | None = None
    seeds: tuple[int, ...] = (0, 1, 2)
    data: dict[str, tuple[str, ...]]
    common: tuple[str, ...] = ()
    arms: dict[str, Arm]
    tables: dict[str, Table]

    def label(self, arm: str) -> str:
        """What the tables call an arm."""
        return self.arms[arm].label or arm

    def data_of(self, table: Table) -> tuple[str, ...]:
        """The data sets of a table."""
        return table.data or tuple(self.data)

    def seeds_of(self, table: Table) -> tuple[int, ...]:
        """The seeds of a table."""
        return table.seeds or self.seeds

    def with_seeds(self, seeds: Sequence[int]) -> Grid:
        """The same with these seeds for every table."""
        tables = {key: table.model_copy(update={"seeds": ()}) for key, table in self.tables.items()}
        return self.model_copy(update={"seeds": tuple(seeds), "tables": tables})

    def words(self, arm: str, data: str) -> list[str]:
        """Overrides of an arm on a data set."""
        return [*self.common, *self.data[data], *self.arms[arm].settings]

    def settings(self, arm: str, data: str, *more: str) -> RunConfig:
        """Full settings of an arm on a data set.

        Raises:
            ConfigError: this version of the program does not take them.
        """
        return read_run_config(self.arms[arm].recipe, [*self.words(arm, data), *more])

    @property
    def steps_file(self) -> Path:
        """Where `calibrate` writes how many steps fit into the minutes."""
        return self.folder / f"{self.name}_steps.yaml"

    @property
    def results(self) -> Path:
        """Folder of the result files."""
        return self.folder / "results" / self.name


def read_grid(path: Path, name: str | None = None, words: Sequence[str] = ()) -> Grid:
    """Read a grid.

    Args:
        path: the YAML file.
        name: another one than the file says, so that other results are not touched.
        words: more overrides for all arms, such as `train.side=256`.

    Raises:
        ConfigError: an unknown key, or a name that the file does not define.
    """
    if str(PEERS) not in sys.path:
        sys.path.insert(0, str(PEERS))
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"The grid {path} cannot be read: {error}") from None
    grid: Grid = validated(Grid, values)
    for key, table in grid.tables.items():
        rows = table.all_ways() or table.arms
        for one, known in ((table.arms, grid.arms), (table.data, grid.data)):
            if unknown := sorted(set(one) - set(known)):
                raise ConfigError(f"Table {key} of {path} names {unknown}, which are not defined.")
        if table.reference not in rows:
            raise ConfigError(f"The reference {table.reference!r} of table {key} is no row of it.")
    return grid.model_copy(
        update={
            "name": name or grid.name,
            "folder": path.resolve().parent,
            "common": (*grid.common, *words),
        }
    )


def chosen(grid: Grid, tables: Sequence[str]) -> dict[str, Table]:
    """Tables whose name begins with one of these; all, if none is given."""
    return {
        key: table
        for key, table in grid.tables.items()
        if not tables or any(key.startswith(one) for one in tables)
    }


def read_steps(path: Path) -> dict[str, dict[str, Any]]:
    """By data set and arm, `steps` and `seconds_per_step`; empty before `calibrate`."""
    if not path.is_file():
        return {}
    return yaml.safe_load(path.read_text(encoding="utf-8"))["arms"]
