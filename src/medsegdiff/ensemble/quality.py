"""A quality score without a truth: the Dice that a mask has if its probabilities come true."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from medsegdiff.types import MaskCoding, inside

FOG = 0.02
VOXELS_AT_ONCE = 2**20  # of a volume, for sums are taken of copies in float64


def expected_dice(
    probability: Float[Tensor, "K *S"], labels: Integer[Tensor, "*S"], coding: MaskCoding
) -> float:
    """Mean over the structures of the Dice to expect, 0 to 1.

        2 sum(p m) / (sum(p) + sum(m))   of a mask m with probabilities p
        1 - max(p)                       of an empty one: what it has at most, if nothing is there

    Sums in place of the expectation of their ratio: close where a structure has many voxels.
    Probabilities below `FOG` do not count. A temperature lifts them wherever there is nothing, so
    that their sum would grow with the field of view.

    Args:
        probability: that each voxel belongs, as calibrated as possible, shape (K, *S).
        labels: class per voxel of the mask, shape (*S).
        coding: what the channels are, and what is a structure.

    Source: the soft Dice of Milletari et al. 2016, arXiv:1606.04797 (without its squares), with the
        probabilities in the place of the truth.
    """
    channels = probability[1:] if coding.is_exclusive else probability
    scores = [
        _of_structure(given, inside(labels, structure))
        for given, structure in zip(channels, coding.structures, strict=True)
    ]
    return sum(scores) / len(scores)


def _of_structure(probability: Float[Tensor, "*S"], mask: Bool[Tensor, "*S"]) -> float:
    drawn = int(mask.sum())
    if not drawn:
        return 1 - float(probability.max())
    shared = total = 0.0
    rows = max(1, VOXELS_AT_ONCE // probability[0].numel())
    for given, within in zip(probability.split(rows), mask.split(rows), strict=True):
        counted = torch.where(given >= FOG, given, 0.0).double()
        shared += float(counted[within].sum())
        total += float(counted.sum())
    return 2 * shared / (total + drawn)
