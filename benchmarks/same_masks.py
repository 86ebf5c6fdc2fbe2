"""Whether this commit predicts what earlier ones did, bit for bit, with their own weights.

    python benchmarks/same_masks.py COMMIT ... [--precision fp32]
                                    [--out benchmarks/results/same_masks.json]

Each commit's program and this one's predict the bundled lesions and volumes with the weights that
are bundled with that commit, on one thread, and keep probabilities and members. Prints how many of
the values that they write differ and by how much, and writes OUT with commit and machine. The same
weights on both sides: what is compared is all that was done to the program since, and no training.
Probabilities are as the files have them: of pictures 16 bits, of volumes float32.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from PIL import Image
from result_file import made_with, typed
from speed.tables import table

from medsegdiff.files import write_json

PROJECT = Path(__file__).parents[1]
RESULT = PROJECT / "benchmarks" / "results" / "same_masks.json"
WEIGHTS = Path("src") / "medsegdiff" / "weights"
IMAGES = {
    "skin-lesion": PROJECT / "tests" / "data" / "skin_isic2017" / "images",
    "hippocampus": PROJECT / WEIGHTS / "hippocampus" / "samples" / "images",
}
KINDS = {"masks": "*", "members": "members/*/*", "probabilities": "probabilities/**/*"}

Differences = dict[str, float | int | str]


def predict(program: Path, weights: Path, images: Path, out: Path, precision: str) -> None:
    """Run the command of the commit that lies in the folder `program`."""
    words = ["predict", "-i", images, "-o", out, "-m", weights, f"precision={precision}"]
    subprocess.run(
        [sys.executable, "-m", "medsegdiff", *words, "--save-members", "--save-probabilities"],
        env={**os.environ, "PYTHONPATH": str(program / "src"), "OMP_NUM_THREADS": "1"},
        check=True,
        stdout=subprocess.DEVNULL,
    )


def pictures(folder: Path, pattern: str) -> list[Path]:
    """Names of the pictures and volumes of a run that match, in order."""
    found = [file for end in (".png", ".nii.gz") for file in folder.glob(pattern + end)]
    return sorted(file.relative_to(folder) for file in found)


def values_of(file: Path) -> np.ndarray:
    """What a picture or a volume holds; of whole numbers that are shares, the shares."""
    if file.suffix != ".png":
        return np.asarray(nib.nifti1.load(file).dataobj, np.float64)
    held = np.asarray(Image.open(file))
    return held.astype(np.float64) / np.iinfo(held.dtype).max


def differences(before: Path, now: Path, pattern: str) -> Differences:
    """How the files of two runs differ.

    Raises:
        ValueError: there are none, or not the same ones.
    """
    names = pictures(before, pattern)
    if not names or names != pictures(now, pattern):
        raise ValueError(f"{before} and {now} should hold the same files {pattern}: {names}")
    values, different, largest = 0, 0, 0.0
    for name in names:
        gap = np.abs(values_of(before / name) - values_of(now / name))
        values += gap.size
        different += int(np.count_nonzero(gap))
        largest = max(largest, float(gap.max()))
    return {"files": len(names), "values": values, "different": different, "largest": largest}


def compare(commit: str, folder: Path, precision: str) -> Iterator[Differences]:
    """Check the commit out into the folder and predict with both programs."""
    program = folder / "program"
    subprocess.run(["git", "clone", "--quiet", PROJECT, program], check=True)
    subprocess.run(["git", "checkout", "--quiet", commit], cwd=program, check=True)
    for model, images in IMAGES.items():
        weights = program / WEIGHTS / model
        before, now = folder / f"{model}_before", folder / f"{model}_now"
        predict(program, weights, images, before, precision)
        predict(PROJECT, weights, images, now, precision)
        for kind, pattern in KINDS.items():
            found = differences(before, now, pattern)
            yield {"commit": commit, "model": model, "kind": kind, **found}


def page(found: dict[str, Any]) -> str:
    """What was found, as Markdown."""
    processor = found["machine"]["processor"]
    head = f"`{found['command']}` at commit {found['commit']}, on an {processor}:"
    heads = ["program and weights of", "", "", "files", "values", "that differ now", "by at most"]
    told, counts = ("commit", "model", "kind"), ("files", "values", "different")
    rows = [
        [*(row[one] for one in told), *(f"{row[one]:,}" for one in counts), f"{row['largest']:g}"]
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
    rows: list[Differences] = []
    for commit in given.commits:
        with tempfile.TemporaryDirectory() as folder:
            rows += compare(commit, Path(folder), given.precision)
    found = {**made_with(typed(), threads=1), "rows": rows}
    write_json(given.out, found)
    print(page(found))


if __name__ == "__main__":
    main()
