"""Let MONAI Label's own client segment on our server; are its masks those of the command line?

    python -m venv ENV
    ENV/bin/pip install --no-deps monailabel==0.8.5
    ENV/bin/pip install requests
    python benchmarks/monai_label_client.py --client ENV/bin/python [--out FOLDER]

ENV has a Python up to 3.12 and nothing of ours; of MONAI Label no more than its client is used. It
segments a bundled sample of each bundled model: one that it has opened a session for, one that it
sends, one that it has uploaded under a name. Writes monai_label_client.json into the folder. Exit
code 1 if a mask is empty, or not that of `medsegdiff predict`, voxel for voxel.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from load.server import THREADS, serving
from result_file import made_with

from medsegdiff.cli.main import run
from medsegdiff.data import LabelMap
from medsegdiff.data.reader import read_mask
from medsegdiff.engine.demo import samples_of
from medsegdiff.files import write_json

MODELS = ("skin-lesion", "hippocampus")
CALLS = Path(__file__).with_name("monai_label_calls.py")
SETTINGS = {"members": 2, "seed": 3}  # the rest as in the weights


def sample(model: str) -> Path:
    """The first bundled sample of a model."""
    dataset = samples_of(model)
    return dataset.study_files(dataset.ids()[0]).images[0]


def called(client: Path, folder: Path, images: dict[str, Path]) -> dict[str, Any]:
    """What the client was answered by a server that lives no longer than it asks."""
    pairs = [f"{model}={file}" for model, file in images.items()]
    with serving(folder, "--grace-seconds", "0") as server:
        told = [server.address, str(folder), json.dumps(SETTINGS), *pairs]
        answered = subprocess.run(
            [str(client), str(CALLS), *told], stdout=subprocess.PIPE, check=True, text=True
        )
    return json.loads(answered.stdout)


def expected(model: str, file: Path, out: Path) -> np.ndarray:
    """Class numbers of the mask that the command line writes."""
    settings = [f"{name}={value}" for name, value in SETTINGS.items()]
    words = ["predict", "-i", str(file), "-o", str(out), "-m", model, "--device", "cpu", *settings]
    if run(words) != 0:
        raise SystemExit(f"medsegdiff predict has failed for {file}.")
    report = json.loads((out / "run_report.json").read_text(encoding="utf-8"))
    (mask,) = (one for one in out.iterdir() if one.suffix in (".png", ".gz"))
    return LabelMap.model_validate(report["labels"]).encode(read_mask(mask).values).numpy()


def compared(told: dict[str, Any], wanted: np.ndarray) -> dict[str, Any]:
    """What was told of each mask, and how many of its voxels differ from the wanted ones."""
    found = {}
    for way, one in told["infer"].items():
        differing = int((read_mask(Path(one["mask"])).values != wanted).sum())
        rest = {key: value for key, value in one.items() if key != "mask"}
        found[way] = {"file": Path(one["mask"]).name, "differing_voxels": differing, **rest}
    return {**told, "infer": found, "marked_voxels": int((wanted > 0).sum())}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--client", type=Path, required=True, help="a Python with monailabel")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(THREADS)  # other numbers of threads round differently
    images = {model: sample(model) for model in MODELS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = called(options.client.absolute(), folder, images)
        calls = {
            model: compared(told, expected(model, images[model], folder / f"out_{model}"))
            for model, told in found["calls"].items()
        }
    figures = {
        **made_with("python benchmarks/monai_label_client.py --client ENV/bin/python"),
        **found,
        "calls": calls,
    }
    print(json.dumps(figures, indent=2))
    if options.out:
        write_json(options.out / "monai_label_client.json", figures)
    ways = [way for told in calls.values() for way in told["infer"].values()]
    is_empty = not all(told["marked_voxels"] for told in calls.values())
    return int(is_empty or any(way["differing_voxels"] for way in ways))


if __name__ == "__main__":
    sys.exit(main())
