"""What the processor can do at most: matrix products and copies, measured as everything else is."""

from __future__ import annotations

import torch

from speed.timing import alternating

SIDE = 2048  # of the matrices
COPIED = 2**28  # bytes


def limits(device: torch.device, repeats: int = 5) -> dict[str, float]:
    """GFLOP a second of matrix products in float32 and bfloat16, GB a second of a copy."""
    single = torch.randn(SIDE, SIDE, device=device)
    half, source = single.bfloat16(), torch.ones(COPIED // 4, device=device)
    target = torch.empty_like(source)

    seconds = alternating(
        {
            "fp32": lambda: single @ single,
            "bf16": lambda: half @ half,
            "copy": lambda: target.copy_(source),
        },
        repeats,
    )
    operations = 2 * SIDE**3 / 1e9
    return {
        "fp32_gflops": operations / seconds["fp32"],
        "bf16_gflops": operations / seconds["bf16"],
        "copy_gb_per_s": 2 * COPIED / 1e9 / seconds["copy"],  # read and written
    }
