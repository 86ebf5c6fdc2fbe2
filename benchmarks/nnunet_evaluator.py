"""The figures of nnU-Net's own evaluator beside ours, on the same OUT.

    python benchmarks/nnunet_evaluator.py DATA --evaluator .../nnUNetv2_evaluate_folder
                                          [--model hippocampus] [-o nnunet_evaluator.json]

Predicts the test split of DATA (images/, masks/, splits.json), lets both programs evaluate the
folder as it lies, and compares every figure that nnU-Net gives. nnU-Net is no dependency: install
it into an environment of its own (`pip install nnunetv2==2.8.1`). Exit code 1 if a figure differs
by more than 1e-12.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from command_memory import PROGRAM
from result_file import keep

MOST_APART = 1e-12  # of numbers above 1, as counts of voxels, a share
VERSION = "from importlib.metadata import version; print(version('nnunetv2'))"


def linked(data: Path, folder: Path) -> Path:
    """The true masks of the test split, in a folder of their own."""
    splits = json.loads((data / "splits.json").read_text(encoding="utf-8"))
    folder.mkdir()
    for study in splits["test"]:
        mask = next(one for one in (data / "masks").iterdir() if one.name.startswith(f"{study}."))
        (folder / mask.name).symlink_to(mask.resolve())
    return folder


def pairs(
    ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> Iterator[tuple[float | None, float]]:
    """Ours and theirs of every figure that they give: of all studies, classes and means."""
    places = [(ours["foreground_mean"], theirs["foreground_mean"])]
    places += [(ours["mean"][label], found) for label, found in theirs["mean"].items()]
    cases = {Path(one["reference_file"]).name: one["metrics"] for one in ours["metric_per_case"]}
    for one in theirs["metric_per_case"]:
        mine = cases[Path(one["reference_file"]).name]
        places += [(mine[label], found) for label, found in one["metrics"].items()]
    for mine, yours in places:
        yield from ((mine[name], yours[name]) for name in yours)


def apart(mine: float | None, yours: float) -> float:
    """Their difference, of large numbers as a share; infinite where only one of them is known."""
    unknown = [one is None or math.isnan(one) for one in (mine, yours)]
    if mine is None or any(unknown):
        return 0.0 if all(unknown) else math.inf
    return abs(mine - yours) / max(1, abs(yours))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--evaluator", type=Path, required=True)
    parser.add_argument("--model", default="hippocampus")
    parser.add_argument("-o", "--output", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        truth, out = linked(args.data, Path(folder, "labelsTs")), Path(folder, "OUT")
        program = [*PROGRAM, "predict", "-i", str(args.data), "-o", str(out), "--split", "test"]
        subprocess.run([*program, "-m", args.model], check=True)
        plans, result = Path(folder, "plans.json"), Path(folder, "theirs.json")
        plans.write_text('{"label_manager": "LabelManager"}', encoding="utf-8")
        given = ["-djfile", args.data / "dataset.json", "-pfile", plans, "-np", "1", "-o", result]
        theirs = [args.evaluator, truth, out, *given]
        subprocess.run(list(map(str, theirs)), check=True)
        subprocess.run([*PROGRAM, "evaluate", "-gt", str(truth), "-p", str(out)], check=True)
        found = [
            json.loads(one.read_text(encoding="utf-8")) for one in (out / "summary.json", result)
        ]
    both = list(pairs(*found))
    most_apart = max(apart(*pair) for pair in both)
    python = args.evaluator.with_name("python")
    figures = {
        "nnunetv2": subprocess.run(
            [str(python), "-c", VERSION], capture_output=True, text=True, check=True
        ).stdout.strip(),
        "studies": len(found[1]["metric_per_case"]),
        "figures_compared": len(both),
        "most_apart": most_apart,
        "dice_ours": found[0]["foreground_mean"]["Dice"],
        "dice_theirs": found[1]["foreground_mean"]["Dice"],
    }
    own = f"{args.data.name} --evaluator nnUNetv2_evaluate_folder --model {args.model}"
    keep(args.output, f"python benchmarks/nnunet_evaluator.py {own}", figures)
    return int(most_apart > MOST_APART)


if __name__ == "__main__":
    sys.exit(main())
