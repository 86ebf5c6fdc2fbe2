"""How soon the program begins: whole commands, from the shell's point of view.

    python benchmarks/start.py [--repeats 9] [--out benchmarks/results/start.json]

One lesion predicted with the bundled weights, help, and beside them what Python itself takes to
import torch and numpy, in turns. Writes OUT with machine and commit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from ablation.measure import commit
from speed.ours import STUDIES
from speed.tables import table

from medsegdiff.engine.environment import environment

LESION = STUDIES / "images" / "ISIC_0013084.jpg"
PROGRAM = ("-m", "medsegdiff")
HERE = Path(__file__).parent


def commands(out: Path) -> dict[str, tuple[str, ...]]:
    """What is run, by name in the table; words behind the interpreter."""
    predict = ("predict", "-i", str(LESION), "-o", str(out), "-m", "skin-lesion")
    return {
        "`medsegdiff predict` of one lesion": (*PROGRAM, *predict),
        "of these, to import torch": ("-c", "import torch"),
        "`medsegdiff --help`": (*PROGRAM, "--help"),
    }


def seconds_of(words: Sequence[str]) -> float:
    """Of a command, to its end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return time.perf_counter() - start


def page(found: dict[str, Any]) -> str:
    """What was measured, as Markdown."""
    head = (
        f"`{found['command']}` at commit {found['commit']}, on an {found['machine']['processor']}, "
        f"load {found['load'][0]:.1f} before: whole commands, medians of "
        f"{len(next(iter(found['seconds'].values())))}."
    )
    lines = [
        [name, f"{median(taken):.2f}", f"{min(taken):.2f} to {max(taken):.2f}"]
        for name, taken in found["seconds"].items()
    ]
    return f"{head}\n\n{table(['', 's', 'from and to'], lines)}"


def main() -> None:
    """Run the commands in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "start.json")
    given = parser.parse_args()
    load = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        works = commands(Path(folder) / "out")
        seconds: dict[str, list[float]] = {name: [] for name in works}
        for turn in range(given.repeats + 1):  # the first one reads files that are on no disk cache
            for name, words in works.items():
                taken = seconds_of(words)
                if turn:
                    seconds[name].append(taken)
    found = {
        "command": " ".join(["python", "benchmarks/start.py", *sys.argv[1:]]),
        "commit": commit(),
        "machine": environment(),
        "load": load,
        "seconds": seconds,
    }
    given.out.write_text(json.dumps(found, indent=1) + "\n")
    print(page(found))


if __name__ == "__main__":
    main()
