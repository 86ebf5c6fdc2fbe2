"""An nnU-Net raw folder with regions, from `verify` to `evaluate`: time, memory, grids, Dice.

    python benchmarks/brats_regions.py DATA [--minutes 10 | --steps 136] [-o brats_regions.json]

DATA is a folder as `mri3d_brats_mini`: its classes become the three regions of BraTS in a
`dataset.json` beside links to its files. Each verb of the program is a command of its own, whose
processes are watched. Exit code 1 if a file of OUT lies on another grid than its image. Linux only.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from command_memory import PROGRAM, watched
from redeclared import redeclared
from result_file import keep

REGIONS = {
    "labels": {
        "background": 0,
        "whole_tumour": [1, 2, 3, 4],
        "tumour_core": [1, 3, 4],
        "enhancing_tumour": 4,
    },
    "regions_class_order": [2, 1, 4],
}
SETTINGS = (  # a network and few validations, as they suit ten minutes
    "model.network.widths=[16,32,64,96]",
    "model.network.blocks=[0,1,2,2]",
    "train.validations=1",
    "train.final_studies=1",
    "predict.members=4",
)
MAPS = ("--save-probabilities", "--save-uncertainty", "--preview")
GRID = (  # fields of a NIfTI header that say where its voxels lie
    *("srow_x", "srow_y", "srow_z", "sform_code", "xyzt_units"),
    *("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z", "qform_code"),
)


def verbs(data: Path, run: Path, out: Path, budget: tuple[str, str]) -> dict[str, list[str]]:
    """What is typed after `medsegdiff`."""
    words = {
        "verify": [data],
        "plan": [data, *SETTINGS],
        "train": [data, "-o", run, *budget, *SETTINGS],
        "predict": ["-i", data / "imagesTs", "-o", out, "-m", run, *MAPS],
        "evaluate": ["-gt", data / "labelsTs", "-p", out],
    }
    return {verb: [verb, *map(str, given)] for verb, given in words.items()}


def same_grid(file: Path, image: Path) -> bool:
    """Whether two NIfTI files have the same shape, spacing and place, number by number."""
    mine, yours = (nibabel.Nifti1Image.from_filename(one) for one in (file, image))
    if mine.shape != yours.shape[:3]:
        return False
    steps = tuple(one.header["pixdim"][:4] for one in (mine, yours))  # the first: handedness
    fields = ((mine.header[name], yours.header[name]) for name in GRID)
    return all(np.array_equal(*pair) for pair in (steps, *fields))


def on_the_grid(out: Path, images: Path) -> dict[str, Any]:
    """How many NIfTI files OUT holds, and which lie elsewhere than the image of their study."""
    files = sorted(out.rglob("*.nii.gz"))
    ending = len(".nii.gz")
    study = {file: images / f"{file.name[:-ending]}_0000.nii.gz" for file in files}
    elsewhere = [str(one.relative_to(out)) for one in files if not same_grid(one, study[one])]
    return {"files": len(files), "elsewhere": elsewhere}


def dice(out: Path) -> dict[str, float]:
    """Dice of each region, and their mean."""
    found = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    named = {name: found["mean"][key]["Dice"] for key, name in found["region_names"].items()}
    return {**named, "mean": found["foreground_mean"]["Dice"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=10.0)
    budget.add_argument("--steps", type=int)
    parser.add_argument("-o", "--output", type=Path)
    args = parser.parse_args()
    words = ("--max-steps", str(args.steps)) if args.steps else ("--max-minutes", str(args.minutes))
    with tempfile.TemporaryDirectory() as folder:
        data, run, out = (Path(folder, name) for name in ("DATA", "RUN", "OUT"))
        redeclared(args.data, data, REGIONS)
        taken = {}
        for verb, given in verbs(data, run, out, words).items():
            seconds, most = watched([*PROGRAM, *given])
            line = " ".join(["medsegdiff", *given]).replace(f"{folder}/", "")
            taken[verb] = {
                "command": line,
                "seconds": round(seconds, 1),
                "most_gb": round(most / 1e9, 3),
            }
        log = (run / "fold_0" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        figures = {
            "commands": taken,
            "most_gb": max(one["most_gb"] for one in taken.values()),
            "steps": max(json.loads(line)["step"] for line in log),
            "out": on_the_grid(out, data / "imagesTs"),
            "dice": dice(out),
        }
    own = f"--steps {args.steps}" if args.steps else f"--minutes {args.minutes:g}"
    keep(args.output, f"python benchmarks/brats_regions.py {args.data.name} {own}", figures)
    return int(bool(figures["out"]["elsewhere"]))


if __name__ == "__main__":
    sys.exit(main())
