"""How soon the program begins: whole commands, from the shell's point of view.

    python benchmarks/start.py [--repeats 9] [--out benchmarks/results/start.json]

One lesion predicted with the bundled weights, help, the first page of a server, and beside them
what Python itself takes to import torch, in turns. Writes OUT with machine and commit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from load.server import serving
from result_file import made_with, typed
from speed.ours import STUDIES
from speed.tables import table

LESION = STUDIES / "images" / "ISIC_0013084.jpg"
PROGRAM = ("-m", "medsegdiff")
HERE = Path(__file__).parent
LOOK = 0.002  # seconds between two looks for a file


def works(folder: Path) -> dict[str, Callable[[], float]]:
    """What is timed, by name in the table."""
    out = folder / "out"
    predict = (*PROGRAM, "predict", "-i", str(LESION), "-o", str(out), "-m", "skin-lesion")
    mask = (out / LESION.name).with_suffix(".png")
    return {
        "`medsegdiff predict` of one lesion": partial(ended, *predict),
        "the same, until its mask is there": partial(written, mask, *predict),
        "of these, to import torch": partial(ended, "-c", "import torch"),
        "`medsegdiff serve`, until its first page": answered,
        "`medsegdiff --help`": partial(ended, *PROGRAM, "--help"),
    }


def ended(*words: str) -> float:
    """Seconds of a command, to its end; words behind the interpreter."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return time.perf_counter() - start


def written(file: Path, *words: str) -> float:
    """Seconds of a command until there is a file that it writes."""
    file.unlink(missing_ok=True)
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL) as process:
        while not file.exists():
            if process.poll() is not None:
                raise subprocess.CalledProcessError(process.returncode, words)
            time.sleep(LOOK)
        return time.perf_counter() - start


def answered() -> float:
    """Seconds of a server until it has answered with its first page."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        with serving(Path(folder)) as server:
            httpx.get(server.address).raise_for_status()
            return time.perf_counter() - start


def page(found: dict[str, Any]) -> str:
    """What was measured, as Markdown."""
    head = (
        f"`{found['command']}` at commit {found['commit']}, on an {found['machine']['processor']}, "
        f"load {found['load'][0]:.1f} before: medians of "
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
        timed = works(Path(folder))
        seconds: dict[str, list[float]] = {name: [] for name in timed}
        for turn in range(given.repeats + 1):  # the first one reads files that are on no disk cache
            for name, work in timed.items():
                taken = work()
                if turn:
                    seconds[name].append(taken)
    found = {
        **made_with(typed()),
        "load": load,
        "seconds": seconds,
    }
    given.out.write_text(json.dumps(found, indent=1) + "\n")
    print(page(found))


if __name__ == "__main__":
    main()
