"""Parameters and GFLOP of every network, and what training the largest takes.

    python benchmarks/sizes.py [--side 256] [--channels 3] [--train 20] [--threads 2]
                               [--out FILE.json]

For parameters and operations nothing is computed: the networks run on torch's meta device, which
knows shapes only. `torch.utils.flop_counter` counts a multiplication and an addition as two; it
counts convolutions and matrix products, not norms, activations or FFTs. The mask has one channel.
Then the default and the papers' largest networks are trained for so many steps, one image in a
batch, each with its own recipe: seconds a step, and the most memory. That may take an hour on
two cores; `--train 0` leaves it out. Prints a Markdown table; FILE gets it with commit and machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from result_file import made_with, typed
from speed.tables import table
from speed.training_run import training_step
from torch.utils.flop_counter import FlopCounterMode

from medsegdiff.files import write_json
from medsegdiff.models import Network, SegmentationNetwork

ROWS: tuple[dict[str, Any], ...] = (
    {"name": "medsegdiff"},
    {"name": "unet"},
    {"name": "medsegdiff_v1", "size": "small"},
    {"name": "medsegdiff_v2", "size": "small"},
    {"name": "concat", "size": "small"},
    {"name": "sum", "size": "small"},
    {"name": "medsegdiff_v1", "size": "S"},
    {"name": "medsegdiff_v1", "size": "B"},
    {"name": "medsegdiff_v1", "size": "L"},
    {"name": "medsegdiff_v1", "size": "++"},
    {"name": "medsegdiff_v1", "size": "++", "stem_stride": 2},
    {"name": "medsegdiff_v2", "size": "base"},
)
TRAINED = (
    {"name": "medsegdiff"},
    {"name": "medsegdiff_v2", "size": "base"},
    {"name": "medsegdiff_v1", "size": "++"},
)


def gflop(work: Callable[[], Any]) -> float:
    """Operations of a call, in billions."""
    with FlopCounterMode(display=False) as counted:
        work()
    return counted.get_total_flops() / 1e9


@torch.inference_mode()
def costs(module: SegmentationNetwork, channels: int, side: int) -> tuple[float, float | None]:
    """GFLOP of a condition pass, and of a step of one member; None without a denoiser."""
    image = torch.empty(1, channels, side, side, device="meta")
    x_t = torch.empty(1, 1, side, side, device="meta")
    t = torch.ones(1, dtype=torch.long, device="meta")
    look = gflop(lambda: module.condition(image))
    if not module.denoises:
        return look, None
    condition = module.condition(image)
    return look, gflop(lambda: module.denoise(x_t, t, condition))


def sizes(settings: dict[str, Any], channels: int, side: int) -> dict[str, Any]:
    """Millions of parameters, and GFLOP of a look and of a step: None without a denoiser."""
    with torch.device("meta"):
        module = Network.model_validate(settings).build(channels, 1).eval()
    weights = sum(weight.numel() for weight in module.parameters()) / 1e6
    look, step = costs(module, channels, side)
    return {"network": settings, "parameters_m": weights, "look_gflop": look, "step_gflop": step}


def trained(settings: dict[str, Any], side: int, steps: int, threads: int) -> dict[str, float]:
    """What a short training of a network takes: `s` a step, and `mib` of memory."""
    name, *chosen = settings.items()
    words = [] if name[1] == "medsegdiff" else [f"--config={name[1]}"]  # the default's is none
    words += [f"train.side={side}", "train.batch_size=1"]
    words += ["predict.members=1", "predict.sampler.steps=1"]
    words += [f"model.network.{key}={value}" for key, value in chosen]
    return training_step(words, steps, threads=threads)


def page(found: dict[str, Any]) -> str:
    """What was found, as Markdown."""
    machine = found["machine"]
    head = (
        f"`{found['command']}` at commit {found['commit']}: images of {found['side']} × "
        f"{found['side']}. Trained for {found['steps']} steps of one image, on "
        f"{machine['threads']} threads of an {machine['processor']} in "
        f"{'bfloat16' if machine['bf16_on_cpu'] else 'float32'}: seconds a step, and the most "
        "memory of the whole training."
    )
    heads = ["network", "parameters, M", "look, GFLOP", "step, GFLOP", "training, s a step", "GiB"]
    return f"{head}\n\n{table(heads, [line(one) for one in found['rows']])}"


def line(row: dict[str, Any]) -> list[str]:
    """A network's line of the table."""
    name, *chosen = row["network"].items()
    cells = [f"`{name[1]}`" + "".join(f" {key}={value}" for key, value in chosen)]
    figures = (row["parameters_m"], row["look_gflop"], row["step_gflop"])
    cells += ["–" if one is None else f"{one:.2f}" for one in figures]
    training = row.get("training")
    return [
        *cells,
        *((f"{training['s']:.2f}", f"{training['mib'] / 1024:.1f}") if training else ("–", "–")),
    ]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--side", type=int, default=256, help="of the grid")
    parser.add_argument("--channels", type=int, default=3, help="of the image")
    parser.add_argument(
        "--train", type=int, default=20, metavar="STEPS", help="0 trains nothing, for it takes long"
    )
    parser.add_argument("--threads", type=int, default=2, help="of the trainings")
    parser.add_argument("--out", type=Path, help="FILE.json to write")
    given = parser.parse_args()
    rows = [sizes(settings, given.channels, given.side) for settings in ROWS]
    for row in rows if given.train else []:
        if row["network"] in TRAINED:
            row["training"] = trained(row["network"], given.side, given.train, given.threads)
            print(*line(row), flush=True)  # the next one may take half an hour
    about = {"side": given.side, "channels": given.channels, "steps": given.train}
    found = {**made_with(typed(), threads=given.threads), **about, "rows": rows}
    print(page(found))
    if given.out is not None:
        write_json(given.out, found)


if __name__ == "__main__":
    main()
