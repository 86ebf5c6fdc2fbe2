"""What several raters agree on, where they drew masks and nobody made one of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor


def consensus(raters: Sequence[Int[Tensor, "*S"]]) -> Int[Tensor, "*S"]:
    """The class that most raters gave each voxel, shape (*S); of equals the highest.

    Two of four raters therefore suffice for foreground, which is the usual rule for LIDC-IDRI.

    Source: the consensus at a level of 0.5 in pylidc, Hancock and Magnan 2016.
    """
    drawn = torch.stack(list(raters))  # (R, *S)
    best = drawn.amin(dim=0)
    votes = (drawn == best).sum(dim=0)
    for value in drawn.unique().tolist():
        count = (drawn == value).sum(dim=0)
        is_better = (count > votes) | ((count == votes) & (best < value))
        best = torch.where(is_better, value, best)
        votes = torch.where(is_better, count, votes)
    return best
