"""Fusion by vote: each member names one class per voxel, and the shares are the probability."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from medsegdiff.ensemble.ensemble import Ensemble, member_labels


class Vote(Ensemble):
    """Share of the voters that choose each class.

    A tie between foreground and background (binary) counts as foreground, one between classes
    as the lower class: the rules of `labels_from_probability`.
    """

    name: Literal["vote"] = "vote"

    def fuse(self, voters: Float[Tensor, "M K *S"]) -> Float[Tensor, "K *S"]:
        """Count the votes, shape (K, *S), in steps of one over the number of voters."""
        if voters.shape[1] == 1:
            return (voters >= 0.5).float().mean(dim=0)
        labels = member_labels(voters)
        shares = [(labels == index).float().mean(dim=0) for index in range(voters.shape[1])]
        return torch.stack(shares)
