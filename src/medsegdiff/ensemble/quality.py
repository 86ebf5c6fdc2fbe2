"""A quality score without a truth: how much the members agree with each other."""

from __future__ import annotations

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from medsegdiff.types import MaskCoding, inside

VOXELS_AT_ONCE = 2**18


def pairwise_dice(labels: Integer[Tensor, "M *S"], coding: MaskCoding) -> float | None:
    """Mean Dice over all pairs of members and all structures that any member draws.

    Args:
        labels: class per voxel of each member, shape (M, *S).
        coding: what is a structure: each foreground class, or each region.

    Returns:
        From 0 (no two members overlap) to 1 (all are equal). Two members that both lack a structure
        which a third one draws agree on it (1). All members empty gives 1, a single member None.

    Source: Zenk et al. 2025, arXiv:2406.03323, where it is the best simple detector of failures.
    """
    if len(labels) < 2:
        return None
    shared = [shared_voxels(labels.flatten(1), one) for one in coding.structures]
    scores = [score for score in map(_mean_dice, shared) if score is not None]
    return sum(scores) / len(scores) if scores else 1.0


def shared_voxels(
    labels: Integer[Tensor, "M N"], structure: tuple[int, ...]
) -> Float[Tensor, "M M"]:
    """Voxels of a structure that both members of each pair have, counted in bounded memory."""
    shared = torch.zeros(len(labels), len(labels), dtype=torch.float64)
    for part in labels.split(VOXELS_AT_ONCE, dim=1):
        mask = inside(part, structure).float()
        shared += (mask @ mask.T).cpu().double()  # exact: counts below 2^24
    return shared.float()


def _mean_dice(shared: Float[Tensor, "M M"]) -> float | None:
    """Mean over the pairs for one structure; None where nobody draws it."""
    volume = shared.diagonal()  # (M,)
    if not volume.any():
        return None
    total = volume[:, None] + volume
    dice = torch.where(total > 0, 2 * shared / total.clamp(min=1), 1.0)
    first, second = torch.triu_indices(len(shared), len(shared), offset=1)
    return float(dice[first, second].double().mean())
