"""Many small trainings from one YAML file, and the tables that they make.

    python benchmarks/grid.py calibrate                  # minutes -> steps, once, when it is quiet
    python benchmarks/grid.py run --work WORK --jobs 2   # what is missing; may be stopped any time
    python benchmarks/grid.py table a                    # one table, as Markdown
    python benchmarks/grid.py all                        # all tables, into their page

With `--grid benchmarks/nine_sets.yaml` the same for the results on all data sets, there with
`--split test` once the models are final. Every training is one process on one core, `medsegdiff
train ... train.max_steps=N`; what comes of it is a small file in `benchmarks/results/`, which
names the command that makes the same weights. Checkpoints lie in WORK.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ablation.calibration import ROUNDS, calibrate
from ablation.jobs import Job, planned
from ablation.markdown import read_page, replaced, section
from ablation.plan import Grid, chosen, read_grid
from ablation.plot import picture
from ablation.rows import filled
from ablation.runner import Place, run_jobs

from medsegdiff.errors import MedSegDiffError
from medsegdiff.files import atomic_write

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Read the command line and do what it says."""
    given = parser().parse_args()
    try:
        grid = read_grid(given.grid, given.name, given.set)
        if given.seeds:
            grid = grid.with_seeds(given.seeds)
        sys.exit(given.verb(grid, given))
    except MedSegDiffError as error:
        sys.exit(f"grid.py: {error}")
    except KeyboardInterrupt:
        sys.exit("grid.py: stopped; the same command goes on.")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--grid", type=Path, default=HERE / "ablations.yaml", help="its YAML file")
    root = HERE.parents[1] / "shared" / "data"
    shared.add_argument("--data-root", type=Path, default=root, help="folder of the data sets")
    shared.add_argument("--name", help="of results and steps, in place of the grid's")
    shared.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", help="a setting of all arms"
    )
    shared.add_argument("--seeds", type=int, nargs="+", help="in place of the grid's")
    shared.add_argument("--split", default="val", choices=("val", "test"), help="to measure on")
    shared.add_argument("--device", default="cpu", help="to train on, such as cuda")
    shared.add_argument("--table", nargs="+", default=[], help="or the beginning of its name")
    whole = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = whole.add_subparsers(required=True)
    one = verbs.add_parser("calibrate", parents=[shared], help="turn minutes into steps")
    one.add_argument("--rounds", type=int, default=ROUNDS, help="timed steps of each arm")
    one.add_argument("--again", action="store_true", help="time known arms, too")
    one.set_defaults(verb=do_calibrate)
    one = verbs.add_parser("run", parents=[shared], help="carry out what is missing")
    one.add_argument("--work", type=Path, required=True, help="folder for checkpoints and logs")
    one.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    one.add_argument("--max-hours", type=float, help="start nothing after so long")
    one.add_argument("--arms", nargs="+", help="of the grid; others are not run")
    one.add_argument("--data", nargs="+", help="sets of the grid; others are not run")
    one.add_argument("--again", action="store_true", help="finished ones, too")
    one.add_argument("--dry", action="store_true", help="only say what is missing")
    one.set_defaults(verb=do_run)
    one = verbs.add_parser("table", parents=[shared], help="print tables and draw their pictures")
    one.add_argument("tables", nargs="+", metavar="TABLE")
    one.set_defaults(verb=do_table)
    one = verbs.add_parser("all", parents=[shared], help="write all tables into their page")
    one.set_defaults(verb=do_all)
    return whole


def do_calibrate(grid: Grid, given: argparse.Namespace) -> int:
    """See `calibrate`."""
    calibrate(
        grid,
        given.data_root,
        say,
        tables=given.table,
        rounds=given.rounds,
        device=given.device,
        is_again=given.again,
    )
    return 0


def do_run(grid: Grid, given: argparse.Namespace) -> int:
    """Run what is missing; 1 if something failed."""
    plan = planned(grid, given.split, given.table)
    for sentence in plan.left_out:
        say(sentence)
    wanted = [
        job
        for job in plan.jobs
        if is_asked_for(job, given.arms, given.data) and (given.again or not job.is_done())
    ]
    say(f"{len(wanted)} jobs to do, of {len(plan.jobs)}.")
    if given.dry:
        for job in wanted:
            say(f"{job.data}, {job.result.stem}: medsegdiff train ... {' '.join(job.command)}")
        return 0
    place = Place(given.data_root.resolve(), given.work.resolve() / grid.name, given.device)
    failed = run_jobs(wanted, place, given.jobs, given.max_hours, say, given.again)
    return int(bool(failed))


def is_asked_for(job: Job, arms: Sequence[str] | None, data: Sequence[str] | None) -> bool:
    """Whether a job is of the arms and data sets that were named, if any were."""
    return (not arms or job.arm in arms) and (not data or job.data in data)


def do_table(grid: Grid, given: argparse.Namespace) -> int:
    """Print some tables."""
    for key in chosen(grid, given.tables):
        say(f"## {grid.tables[key].title}\n\n{drawn(grid, key, given.split)}\n")
    return 0


def do_all(grid: Grid, given: argparse.Namespace) -> int:
    """Write every table into its page; what people wrote there stays.

    The test split is drawn once, so a table of it comes when all its runs are there.
    """
    path = grid.folder.parent / grid.page
    page = read_page(path, grid.name.replace("_", " ").capitalize())
    for key, table in grid.tables.items():
        if given.split == "val":
            page = replaced(page, key, table.title, drawn(grid, key, given.split))
        elif (found := filled(grid, key, given.split)).finished == found.planned:
            mark = f"{key} {given.split}"
            page = replaced(page, mark, table.title, drawn(grid, key, given.split))
    atomic_write(path, page)
    return 0


def drawn(grid: Grid, key: str, split: str) -> str:
    """A table's text; its picture is written on the way."""
    table = filled(grid, key, split)
    image = picture(table)
    ending = "" if split == "val" else f"_{split}"
    name = f"images/{grid.name}_{key}{ending}.png"
    if image is not None:
        place = (grid.folder.parent / grid.page).parent / name
        atomic_write(place, lambda file: image.save(file, format="PNG"))
    return section(grid, table, name if image is not None else None, split)


def say(line: str) -> None:
    """One line for people."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
