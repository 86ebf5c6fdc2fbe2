"""Read damaged files of every format and count what becomes of them.

    python benchmarks/damaged_files.py [--count 2000] [--seed 0] [--out FOLDER] [--only NUMBER ...]

Writes damaged_files.md and damaged_files.json into the folder. Exit code 1 if a file crashed the
reader, took more than ten seconds or 300 MB, was read wrongly though that can be known, or was
refused without its name or without advice. `--only` reads single files and says all about them.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from damage.generator import damaged
from damage.table import markdown, summary
from damage.verdict import Verdict, judged
from damage.worker import Worker
from result_file import made_with

from medsegdiff.files import atomic_write, write_json


def verdicts(seed: int, numbers: Iterable[int], worker: Worker) -> Iterator[Verdict]:
    """Read the files of these numbers, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            given = damaged(seed, number)
            place = Path(folder) / f"file-{number}"
            report = worker.read(given.study.write(place))
            shutil.rmtree(place)
            yield judged(number, given, report)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", type=int, nargs="+")
    options = parser.parse_args(arguments)
    numbers = options.only or range(options.count)
    found = []
    with Worker() as worker:
        for one in verdicts(options.seed, numbers, worker):
            found.append(one)
            if one.faults or options.only:
                print(asdict(one), flush=True)
    figures = summary(found)
    command = f"python benchmarks/damaged_files.py --count {len(found)} --seed {options.seed}"
    table = markdown(figures, command)
    print(table)
    if options.out:
        atomic_write(options.out / "damaged_files.md", table)
        write_json(options.out / "damaged_files.json", {**made_with(command), **figures})
    return int(bool(figures["faults"]))


if __name__ == "__main__":
    sys.exit(main())
