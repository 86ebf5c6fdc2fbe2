"""How large a window and a batch may be, by the memory that a training may take."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch

from medsegdiff.data import Grid
from medsegdiff.data.memory import machine_bytes
from medsegdiff.engine.config import TrainConfig

BATCH_OF_VOLUMES = 2
BYTES_A_VOXEL = 2500  # of a step of the default network in float32: 1900 to 2900 were measured
SHARE = 0.5  # of the memory; images, other networks and other programs need the rest


def memory_of(device: torch.device) -> int:
    """Bytes of a GPU's memory, else of the machine's.

    All of it, not what is free now: a training that goes on needs the plan that it began with.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return machine_bytes()


def window_that_fits(memory: int) -> int:
    """Voxels of the largest window of which a batch fits into the memory."""
    return int(SHARE * memory / (BATCH_OF_VOLUMES * BYTES_A_VOXEL))


def planned_batch(grid: Grid, settings: TrainConfig, memory: int) -> tuple[int, str]:
    """How many windows or images a step takes, and why; what is asked for goes first."""
    if "batch_size" in settings.model_fields_set:
        return settings.batch_size, f"Batches of {settings.batch_size}, as asked."
    is_volume = len(grid.network_size) == 3
    usual = BATCH_OF_VOLUMES if is_volume else settings.batch_size
    each = step_bytes(grid.network_size)
    size = usual
    if settings.micro_batch is None:
        size = max(1, min(usual, int(SHARE * memory // each)))
    why = (
        f"Batches of {size}: in training they take about {gigabytes(size * each)} of the "
        f"{gigabytes(memory)} of memory"
    )
    if size < usual:
        why += f", and {usual}, as usual, more than half of it"
    return size, f"{why}."


def step_bytes(size: Sequence[int]) -> int:
    """Memory that a training step takes for one window or image of this size."""
    return prod(size) * BYTES_A_VOXEL


def gigabytes(count: float) -> str:
    """Bytes in words, as "0.6 GB"; of a small count two digits."""
    return f"{count / 1e9:.1f} GB" if count >= 5e8 else f"{count / 1e9:.2g} GB"
