"""How seconds and memory grow: with side, members and steps of a prediction, and with processes.

    python benchmarks/curves.py [--repeats 3] [--out benchmarks/results/curves]

Each point is a process of its own, so that its peak of memory is its own; it predicts a random
image with fresh weights of the default network, as the program does it, noise and fusion included.
A point of the last curve is a training of twenty steps by so many processes of one thread each.
Exponents are slopes of a straight line through the logarithms of the upper half of the points.
Writes OUT.json, OUT.md and OUT.png, with machine and commit.
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
from ablation.measure import commit
from PIL import Image
from speed.contender import Task
from speed.curve_plot import picture
from speed.memory import peak
from speed.ours import Ours
from speed.tables import table
from speed.training_run import training_step

from medsegdiff.engine.environment import environment
from medsegdiff.engine.predict import predict
from medsegdiff.engine.settings import with_predict

HERE = Path(__file__).parent
STUDIES = 6
USUAL = {"side": 256, "members": 8, "steps": 3}
PROCESSES = (1, 2)
STEPS = 20  # of a training
POINTS = {
    "side": (64, 128, 256, 512, 1024),
    "members": (1, 2, 4, 8, 16, 32, 64, 100),
    "steps": (1, 2, 5, 10, 20, 50),
}


def point(side: int, members: int, steps: int, repeats: int) -> dict[str, float]:
    """Median seconds and peak memory of a prediction, beyond the program with its network.

    The network has looked at nothing before.
    """
    task = Task(side, 1, "fp32", torch.device("cpu"))
    with tempfile.TemporaryDirectory() as folder:
        data = studies(Path(folder) / "data", side)
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


def studies(folder: Path, side: int) -> Path:
    """A data set of images of that side, of which nothing but the size matters."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    mask = np.zeros((side, side), np.uint8)
    mask[side // 4 : side // 2, side // 4 : side // 2] = 255
    for number in range(STUDIES):
        noise = np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(noise).save(folder / "images" / f"{number}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
    return folder


def measured(repeats: int, **where: int) -> dict[str, float]:
    """A point, in a process of its own."""
    words = [f"--{name}={value}" for name, value in where.items()]
    command = [sys.executable, __file__, "--point", f"--repeats={repeats}", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def training_by(processes: int) -> dict[str, float]:
    """A step of a training whose batch so many processes share, joined by gloo."""
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return training_step(["train.side=128", "train.batch_size=8"], STEPS, launch)


def exponent(curve: dict[int, dict[str, float]], what: str) -> float:
    """Slope of the upper half of a curve in logarithms: 1 is linear, 2 quadratic."""
    upper = list(curve.items())[min(len(curve) // 2, len(curve) - 2) :]
    x = [math.log(place) for place, _ in upper]
    y = [math.log(max(one[what], 1e-9)) for _, one in upper]
    return linear_regression(x, y).slope


def page(found: dict) -> str:
    """The curves as Markdown."""
    usual = ", ".join(f"{name} {value}" for name, value in USUAL.items())
    lines = [f"`{found['command']}` at commit {found['commit']}; what is not named: {usual}."]
    for axis, curve in found["curves"].items():
        rows = [[str(at), f"{one['s']:.3f}", f"{one['mib']:.0f}"] for at, one in curve.items()]
        slopes = [f"{exponent(curve, what):.2f}" for what in ("s", "mib")]
        lines.append(table([axis, "s", "MiB"], [*rows, ["**exponent**", *slopes]]))
    return "\n\n".join(lines) + "\n"


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
    curves["processes"] = {count: training_by(count) for count in PROCESSES}
    found = {
        "command": " ".join(["python", "benchmarks/curves.py", *sys.argv[1:]]),
        "commit": commit(),
        "machine": environment(),
        "curves": curves,
    }
    given.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    given.out.with_suffix(".md").write_text(page(found))
    picture(curves).save(given.out.with_suffix(".png"), optimize=True)
    print(page(found))


if __name__ == "__main__":
    main()
