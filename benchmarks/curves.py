"""How seconds and memory grow: with side, members, steps and studies, and with processes.

    python benchmarks/curves.py [--repeats 3] [--out benchmarks/results/curves]

Each point is a process of its own, so that its peak of memory is its own; it predicts a random
image with fresh weights of the default network, as the program does it, noise and fusion included.
A point of the studies is `medsegdiff predict` on a folder of so many small images, start included,
with the bundled weights, one member and one step; it is taken once. One of the processes is a
training of twenty steps by so many of one thread each. Exponents are slopes of a straight line
through the logarithms of the upper half of the points. Writes OUT.json and OUT.md, with machine and
commit; `python benchmarks/performance.py` draws them.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import linear_regression, median

import numpy as np
import torch
from PIL import Image
from result_file import made_with, typed
from speed.command import peak_of
from speed.contender import Task
from speed.memory import peak
from speed.ours import Ours
from speed.tables import table
from speed.training_run import training_step

from medsegdiff.engine.predict import predict
from medsegdiff.engine.settings import with_predict

HERE = Path(__file__).parent
IMAGES = 6  # of the data set that a fresh network is planned for
USUAL = {"side": 256, "members": 8, "steps": 3}
STUDIES = (1, 10, 100, 500, 2000)
SMALL = 64  # pixels, the side of their images
PROCESSES = (1, 2)
STEPS = 20  # of a training
Curve = dict[int, dict[str, float]]  # by place, seconds and MiB
POINTS = {
    "side": (64, 128, 256, 512, 1024),
    "members": (1, 2, 4, 8, 16, 32, 64, 100),
    "steps": (1, 2, 5, 10, 20, 50),
}
NOTES = {
    tuple(POINTS): "Memory is what a prediction needs beyond a program with its network.",
    ("studies",): f"Studies are images of {SMALL} × {SMALL}, which a command predicts with "
    "`skin-lesion`, one member and one step: seconds of the whole command, once, and memory of its "
    "largest process.",
    ("processes",): "Processes, of one thread each and joined by gloo, share a training batch of "
    "eight at 128 × 128: seconds a step, and memory of the largest.",
}


def point(side: int, members: int, steps: int, repeats: int) -> dict[str, float]:
    """Median seconds and peak memory of a prediction, beyond the program with its network.

    The network has looked at nothing before.
    """
    task = Task(side, 1, "auto", torch.device("cpu"))
    with tempfile.TemporaryDirectory() as folder:
        data = data_set(Path(folder) / "data", side)
        ours = Ours(task, Path(folder) / "run", studies=data)
    model, sample = ours.model, ours.sample()
    assert model.config.grid_size == (side, side)
    config = with_predict(model.predict, members=members, steps=steps, seed=0)
    before, taken = peak(), []
    for _ in range(repeats + 1):  # the first one warms up
        start = time.perf_counter()
        predict(sample, model, config)
        taken.append(time.perf_counter() - start)
    return {"s": median(taken[1:]), "mib": peak() - before, "process_mib": peak()}


def data_set(folder: Path, side: int) -> Path:
    """Images of that side with masks, of which nothing but the size matters."""
    pictures(folder / "images", side, IMAGES)
    (folder / "masks").mkdir()
    mask = np.zeros((side, side), np.uint8)
    mask[side // 4 : side // 2, side // 4 : side // 2] = 255
    for image in (folder / "images").iterdir():
        Image.fromarray(mask).save(folder / "masks" / image.name)
    return folder


def pictures(folder: Path, side: int, count: int) -> Path:
    """A folder of so many different images."""
    folder.mkdir(parents=True)
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{number:05d}.png")
    return folder


def measured(repeats: int, **where: int) -> dict[str, float]:
    """A point, in a process of its own."""
    words = [f"--{name}={value}" for name, value in where.items()]
    command = [sys.executable, __file__, "--point", f"--repeats={repeats}", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def prediction_of(studies: int) -> dict[str, float]:
    """Seconds in all and memory of a command that predicts so many small images."""
    with tempfile.TemporaryDirectory() as place:
        images = pictures(Path(place) / "images", SMALL, studies)
        words = ["-i", str(images), "-o", f"{place}/out", "-m", "skin-lesion"]
        command = [sys.executable, "-m", "medsegdiff", "predict", *words, "--members=1"]
        start = time.perf_counter()
        largest = peak_of([*command, "--steps=1", "--device=cpu"])
        return {"s": time.perf_counter() - start, "mib": largest}


def training_by(processes: int) -> dict[str, float]:
    """A step of a training whose batch so many processes share, joined by gloo."""
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return training_step(["train.side=128", "train.batch_size=8"], STEPS, launch)


def exponent(curve: Curve, what: str) -> float:
    """Slope of the upper half of a curve in logarithms: 1 is linear, 2 quadratic."""
    upper = list(curve.items())[min(len(curve) // 2, len(curve) - 2) :]
    x = [math.log(place) for place, _ in upper]
    y = [math.log(max(one[what], 1e-9)) for _, one in upper]
    return linear_regression(x, y).slope


def curves_of(found: dict) -> dict[str, Curve]:
    """The curves by axis, also of what was read from JSON, whose keys are words."""
    return {
        axis: {int(at): one for at, one in curve.items()} for axis, curve in found["curves"].items()
    }


def page(found: dict) -> str:
    """The curves as Markdown."""
    usual, machine = ", ".join(f"{name} {value}" for name, value in USUAL.items()), found["machine"]
    notes = [note for axes, note in NOTES.items() if set(axes) <= set(found["curves"])]
    lines = [
        f"`{found['command']}` at commit {found['commit']}, on {machine['threads']} threads of an "
        f"{machine['processor']} in {'bfloat16' if machine['bf16_on_cpu'] else 'float32'}; medians "
        f"of {found['repeats']}. What is not named: {usual}. {' '.join(notes)}"
    ]
    for axis, curve in curves_of(found).items():
        rows = [[str(at), f"{one['s']:.3f}", f"{one['mib']:.0f}"] for at, one in curve.items()]
        slopes = [f"{exponent(curve, what):.2f}" for what in ("s", "mib")]
        lines.append(table([axis, "s", "MiB"], [*rows, ["**exponent**", *slopes]]))
    return "\n\n".join(lines)


def main() -> None:
    """Measure one point, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "curves")
    parser.add_argument("--point", action="store_true", help="only the one of the next three")
    for name, value in USUAL.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    if given.point:
        print(json.dumps(point(given.side, given.members, given.steps, given.repeats)))
        return
    curves = {
        axis: {value: measured(given.repeats, **{**USUAL, axis: value}) for value in values}
        for axis, values in POINTS.items()
    }
    curves["studies"] = {count: prediction_of(count) for count in STUDIES}
    curves["processes"] = {count: training_by(count) for count in PROCESSES}
    found = {
        **made_with(typed()),
        "repeats": given.repeats,
        "curves": curves,
    }
    given.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    given.out.with_suffix(".md").write_text(page(found) + "\n")
    print(page(found))


if __name__ == "__main__":
    main()
