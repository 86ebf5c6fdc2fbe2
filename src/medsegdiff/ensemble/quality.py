"""A quality score without a truth: how much the members agree with each other."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def pairwise_dice(labels: Int[Tensor, "M *S"], classes: int) -> float | None:
    """Mean Dice over all pairs of members and all foreground classes that any member draws.

    Args:
        labels: class per voxel of each member, shape (M, *S).
        classes: number of classes with background.

    Returns:
        From 0 (no two members overlap) to 1 (all are equal). Two members that both lack a class
        which a third one draws agree on it (1). All members empty gives 1, a single member None.

    Source: Zenk et al. 2025, arXiv:2406.03323, where it is the best simple detector of failures.
    """
    if len(labels) < 2:
        return None
    masks = [(labels.flatten(1) == index).float() for index in range(1, classes)]
    scores = [score for score in map(_mean_dice, masks) if score is not None]
    return sum(scores) / len(scores) if scores else 1.0


def _mean_dice(mask: Float[Tensor, "M N"]) -> float | None:
    """Mean over the pairs for one class; None where nobody draws it."""
    shared = mask @ mask.T  # (M, M): voxels of both
    volume = shared.diagonal()  # (M,)
    if not volume.any():
        return None
    total = volume[:, None] + volume
    dice = torch.where(total > 0, 2 * shared / total.clamp(min=1), 1.0)
    first, second = torch.triu_indices(len(mask), len(mask), offset=1, device=mask.device)
    return float(dice[first, second].double().mean())
