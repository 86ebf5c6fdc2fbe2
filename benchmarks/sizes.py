"""Parameters and GFLOP of every network: one look at the image, one step of one member.

    python benchmarks/sizes.py [--side 128 --side 256] [--channels 3]
    python benchmarks/sizes.py --train 20 [--side 256]

Prints a Markdown table. For the first, nothing is computed: the networks run on torch's meta
device, which knows shapes only. `torch.utils.flop_counter` counts a multiplication and an addition
as two; it counts convolutions and matrix products, not norms, activations or FFTs. The mask has one
channel. The second trains the default and the papers' largest networks for so many steps, one image
in a batch, on one thread, each with its own recipe.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import torch
from speed.tables import table
from speed.training_run import training_step
from torch.utils.flop_counter import FlopCounterMode

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
TRAINED: tuple[dict[str, Any], ...] = (
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


def row(settings: dict[str, Any], channels: int, sides: list[int], steps: int | None) -> list[str]:
    """One network's line of the table; with steps, it is trained for so many."""
    with torch.device("meta"):
        module = Network.model_validate(settings).build(channels, 1).eval()
    name, *chosen = settings.items()
    cells = [f"`{name[1]}`" + "".join(f" {key}={value}" for key, value in chosen)]
    cells.append(f"{sum(weight.numel() for weight in module.parameters()) / 1e6:.2f}")
    for side in sides:
        cells += ["-" if cost is None else f"{cost:.2f}" for cost in costs(module, channels, side)]
        cells += trained(settings, side, steps) if steps else []
    return cells


def trained(settings: dict[str, Any], side: int, steps: int) -> list[str]:
    """What a short training of a network takes: seconds a step, and memory."""
    name, *chosen = settings.items()
    words = [] if name[1] == "medsegdiff" else [f"--config={name[1]}"]  # the default's is none
    words += [f"train.side={side}", "train.batch_size=1"]
    words += ["predict.members=1", "predict.sampler.steps=1"]
    words += [f"model.network.{key}={value}" for key, value in chosen]
    found = training_step(words, steps)
    return [f"{found['s']:.2f}", f"{found['mib'] / 1024:.1f}"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, action="append", help="of the grid; may be repeated")
    parser.add_argument("--channels", type=int, default=3, help="of the image")
    parser.add_argument("--train", type=int, metavar="STEPS", help="train a few networks so long")
    given = parser.parse_args()
    sides = given.side or ([256] if given.train else [128, 256])
    heads = ["network", "parameters, M"]
    for side in sides:
        heads += [f"condition, GFLOP at {side}²", f"step, GFLOP at {side}²"]
        heads += [f"training, s a step at {side}²", "memory, GiB"] if given.train else []
    print(table(heads, []))
    for settings in TRAINED if given.train else ROWS:
        cells = row(settings, given.channels, sides, given.train)
        print(f"| {' | '.join(cells)} |", flush=True)  # the next one may take half an hour


if __name__ == "__main__":
    main()
