"""Fusion over the steps of the walks, by how late and how sure each step is."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from medsegdiff.ensemble.uncertainty import predictive_entropy
from medsegdiff.types import MaskCoding


def fused_steps(
    walked: Float[Tensor, "I M K *S"], coding: MaskCoding | None = None
) -> Float[Tensor, "M K *S"]:
    """Weighted mean of each member's estimates over the steps, by voxel.

        w_i = exp(sigmoid(i / I) * (1 - u_i))

    The weights are those of Diff-UNet, but sum to 1, so that a probability comes out, and u_i is
    the whole entropy of the members' mean at step i, in nats, where its code has -p log p. What
    is fused are the estimates of the mask, not the noisy masks of the walk.

    Args:
        walked: estimated probability at step i of I, by member; a single step comes back as it is.
        coding: what the channels are; None takes one as binary and several as classes.

    Source: Xing et al. 2023 (Diff-UNet), arXiv:2303.10326, section 2.3; there the scale of i is
    a number of its own.
    """
    if len(walked) == 1:
        return walked[0]
    late = torch.sigmoid(torch.arange(1, len(walked) + 1).to(walked) / len(walked))
    unsure = torch.stack([predictive_entropy(members, coding) for members in walked])  # (I, *S)
    weight = torch.exp(late.view(-1, *[1] * (unsure.ndim - 1)) * (1 - unsure))
    weight = weight / weight.sum(dim=0)
    return torch.einsum("i...,imk...->mk...", weight, walked)
