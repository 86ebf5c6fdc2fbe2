"""Fusion by the mean: the probability that a member drawn at random gives the voxel."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from medsegdiff.ensemble.ensemble import Ensemble


class Mean(Ensemble):
    """Average the voters' probabilities, each with the same weight."""

    name: Literal["mean"] = "mean"

    def fuse(self, voters: Float[Tensor, "M K *S"]) -> Float[Tensor, "K *S"]:
        """Average over the voters, shape (K, *S)."""
        return voters.mean(dim=0)
