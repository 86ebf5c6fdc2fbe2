"""Temperature scaling: how sure a fused probability is, without a change of the likeliest class."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from medsegdiff.types import MaskCoding

VOXELS_AT_ONCE = 2**18  # of a volume, for there are two more numbers for each on the way
FLOOR = 1e-6  # about float32's resolution beside 1: what is surer has no logit of its own


def tempered(
    probability: Float[Tensor, "K *S"], temperature: float, coding: MaskCoding | None = None
) -> Float[Tensor, "K *S"]:
    """Divide the logits by a temperature: above 1 less sure, below 1 surer.

        sigmoid(logit(p) / T)   binary, regions       softmax(ln p / T)   classes

    At temperature 1 the same tensor comes back, bit for bit.

    Args:
        probability: 0 to 1, shape (K, *S); of the foreground where K is 1.
        temperature: above 0.
        coding: what the channels are; None takes one as binary and several as classes.

    Source: Guo et al. 2017, arXiv:1706.04599, section 4.2.
    """
    if temperature == 1:
        return probability
    known = coding or MaskCoding.of_channels(len(probability))
    return by_rows(probability, lambda given: _scaled(given, temperature, known))


def by_rows(
    probability: Float[Tensor, "K *S"],
    change: Callable[[Float[Tensor, "K *s"]], Float[Tensor, "K *s"]],
) -> Float[Tensor, "K *S"]:
    """The same change of every voxel, a few rows at a time."""
    changed = torch.empty_like(probability)
    rows = max(1, VOXELS_AT_ONCE // probability[0, 0].numel())
    for result, given in zip(
        changed.split(rows, dim=1), probability.split(rows, dim=1), strict=True
    ):
        result.copy_(change(given))
    return changed


def _scaled(
    probability: Float[Tensor, "K *S"], temperature: float, coding: MaskCoding
) -> Float[Tensor, "K *S"]:
    if coding.is_exclusive:
        return torch.softmax(probability.clamp(min=FLOOR).log() / temperature, dim=0)
    return torch.sigmoid(torch.logit(probability, eps=FLOOR) / temperature)
