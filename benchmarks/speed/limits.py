"""What the processor can do at most: the fastest of several matrix products and copies."""

from __future__ import annotations

from functools import partial

import torch

from speed.timing import alternating, seconds_of

SIDE = {"cpu": 2048, "cuda": 8192}  # of the matrices: large enough that starting costs nothing
COPIED = {"cpu": 2**28, "cuda": 2**32}  # bytes


def limits(device: torch.device, repeats: int = 5) -> dict[str, float]:
    """GFLOP a second of matrix products in float32 and bfloat16, GB a second of a copy."""
    side, copied = SIDE[device.type], COPIED[device.type]
    single = torch.randn(side, side, device=device)
    half, source = single.bfloat16(), torch.ones(copied // 4, device=device)
    target = torch.empty_like(source)
    works = {
        "fp32": lambda: single @ single,
        "bf16": lambda: half @ half,
        "copy": lambda: target.copy_(source),
    }
    found = alternating({name: partial(seconds_of, one) for name, one in works.items()}, repeats)
    operations = 2 * side**3 / 1e9
    return {
        "fp32_gflops": operations / found["fp32"].fastest,
        "bf16_gflops": operations / found["bf16"].fastest,
        "copy_gb_per_s": 2 * copied / 1e9 / found["copy"].fastest,  # read and written
    }


def larger(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """The most that was reached either time."""
    return {what: max(one[what], other[what]) for what in one}
