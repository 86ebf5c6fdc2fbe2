"""Whether this commit predicts what earlier ones did, bit for bit, with their own weights.

    python benchmarks/same_masks.py COMMIT ... [--precision fp32]
                                    [--out benchmarks/results/same_masks.json]

Each commit's program and this one's predict the bundled lesions with the weights that are bundled
with that commit, on one thread, and keep probabilities and members. Prints how many values differ
and by how much, and writes OUT with commit and machine. The same weights on both sides: what is
compared is all that was done to the program since, and no training.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from result_file import made_with, typed
from speed.tables import table

from medsegdiff.files import write_json

PROJECT = Path(__file__).parents[1]
IMAGES = PROJECT / "tests" / "data" / "skin_isic2017" / "images"
RESULT = PROJECT / "benchmarks" / "results" / "same_masks.json"
WEIGHTS = Path("src") / "medsegdiff" / "weights" / "skin-lesion"
KINDS = {"masks": "*.png", "members": "members/*/*.png", "probabilities": "probabilities/*.png"}

Differences = dict[str, float | int | str]


def predict(program: Path, weights: Path, out: Path, precision: str) -> None:
    """Run the command of the commit that lies in the folder `program`."""
    words = ["predict", "-i", IMAGES, "-o", out, "-m", weights, f"precision={precision}"]
    subprocess.run(
        [sys.executable, "-m", "medsegdiff", *words, "--save-members", "--save-probabilities"],
        env={**os.environ, "PYTHONPATH": str(program / "src"), "OMP_NUM_THREADS": "1"},
        check=True,
        stdout=subprocess.DEVNULL,
    )


def differences(before: Path, now: Path, pattern: str) -> Differences:
    """How the pictures of two runs differ; a run with other files than the other is an error."""
    names = sorted(file.relative_to(before) for file in before.glob(pattern))
    assert names, f"{before}: no {pattern}"
    assert names == sorted(file.relative_to(now) for file in now.glob(pattern))
    values, different, largest = 0, 0, 0.0
    for name in names:
        one, other = (np.asarray(Image.open(run / name)) for run in (before, now))
        highest = np.iinfo(one.dtype).max
        gap = np.abs(one.astype(float) - other.astype(float)) / highest
        values += gap.size
        different += int(np.count_nonzero(gap))
        largest = max(largest, float(gap.max()))
    return {"files": len(names), "values": values, "different": different, "largest": largest}


def compare(commit: str, folder: Path, precision: str) -> list[Differences]:
    """Check the commit out into the folder and predict with both programs."""
    program = folder / "program"
    subprocess.run(["git", "clone", "--quiet", PROJECT, program], check=True)
    subprocess.run(["git", "checkout", "--quiet", commit], cwd=program, check=True)
    before, now = folder / "before", folder / "now"
    predict(program, program / WEIGHTS, before, precision)
    predict(PROJECT, program / WEIGHTS, now, precision)
    return [
        {"commit": commit, "kind": kind, **differences(before, now, pattern)}
        for kind, pattern in KINDS.items()
    ]


def page(found: dict[str, Any]) -> str:
    """What was found, as Markdown."""
    processor = found["machine"]["processor"]
    head = f"`{found['command']}` at commit {found['commit']}, on an {processor}:"
    heads = ["weights and program of", "", "files", "values", "that differ now", "by at most"]
    counts = ("files", "values", "different")
    rows = [
        [row["commit"], row["kind"], *(f"{row[one]:,}" for one in counts), f"{row['largest']:g}"]
        for row in found["rows"]
    ]
    return f"{head}\n\n{table(heads, rows)}"


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("commits", nargs="+", metavar="COMMIT", help="of this clone")
    given = parser.parse_args()
    rows = []
    for commit in given.commits:
        with tempfile.TemporaryDirectory() as folder:
            rows += compare(commit, Path(folder), given.precision)
    found = {**made_with(typed(), threads=1), "rows": rows}
    write_json(given.out, found)
    print(page(found))


if __name__ == "__main__":
    main()
