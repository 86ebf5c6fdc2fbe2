"""Distance between the drawn masks and those of several raters."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def ged_squared(members: Tensor, raters: Mapping[str, Tensor]) -> float:
    """Generalised energy distance 2 E d(S, R) - E d(S, S') - E d(R, R'), with d = 1 - IoU.

    All pairs count, identical ones included; two empty masks are at distance 0. Classes are taken
    together as foreground.

    Args:
        members: labels, shape (M, *S).
        raters: labels by rater, each of shape (*S).

    Source: Szekely and Rizzo 2013; Kohl et al. 2018, arXiv:1806.05034.
    """
    drawn = (members > 0).flatten(1).float()
    true = torch.stack([(one > 0).flatten() for one in raters.values()]).float()
    cross, within, among = _distance(drawn, true), _distance(drawn, drawn), _distance(true, true)
    return float(2 * cross.mean() - within.mean() - among.mean())


def _distance(one: Tensor, other: Tensor) -> Tensor:
    """1 - IoU of every pair of rows."""
    shared = one @ other.T
    union = one.sum(1)[:, None] + other.sum(1)[None] - shared
    return torch.where(union > 0, 1 - shared / union.clamp(min=1), torch.zeros_like(union))
