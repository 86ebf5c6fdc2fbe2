"""The family of ensembles: what they share is the uncertainty, they differ in how they fuse."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medsegdiff.component import Component
from medsegdiff.ensemble.quality import pairwise_dice
from medsegdiff.ensemble.uncertainty import mutual_information, predictive_entropy
from medsegdiff.errors import ConfigError
from medsegdiff.types import Fused, labels_from_probability


class Ensemble(Component, family=True):
    """Fuse the members' probabilities of one study into one.

    A member of this family provides `fuse`. Uncertainty is always that of the equal mixture of all
    voters, however their probability was fused; quality is that of the members alone.

    Args:
        with_head: let the condition head's mask count as one more voter.
    """

    sees_whole_masks: ClassVar[bool] = False  # a part of the masks is not enough to fuse it

    with_head: bool = False

    def __call__(
        self, members: Float[Tensor, "M K *S"], head: Float[Tensor, "K *S"] | None = None
    ) -> Fused:
        """Fuse the members, and the head if the settings ask for it.

        Args:
            members: probability of each class in each drawn mask, shape (M, K, *S), 0 to 1.
            head: the same from the deterministic head, shape (K, *S); only read if `with_head`.

        Raises:
            ConfigError: `with_head` is set and there is no head.
        """
        voters = self._voters(members, head)
        return Fused(
            probability=self.fuse(voters),
            uncertainty=predictive_entropy(voters),
            mutual_information=mutual_information(voters),
            quality=pairwise_dice(member_labels(members), max(members.shape[1], 2)),
        )

    def fuse(self, voters: Float[Tensor, "M K *S"]) -> Float[Tensor, "K *S"]:
        """Make one probability, shape (K, *S), of those of all voters, shape (M, K, *S)."""
        raise NotImplementedError

    def _voters(
        self, members: Float[Tensor, "M K *S"], head: Float[Tensor, "K *S"] | None
    ) -> Float[Tensor, "V K *S"]:
        if not self.with_head:
            return members.float()
        if head is None:
            raise ConfigError(
                "The ensemble was asked to count the condition head (with_head=true), but this "
                "model has none. Set with_head=false."
            )
        return torch.cat([members, head[None]]).float()


def member_labels(members: Float[Tensor, "M K *S"]) -> Int[Tensor, "M *S"]:
    """Class per voxel that each member chooses, shape (M, *S), int16 since there are M of them."""
    return torch.stack([labels_from_probability(member).short() for member in members])
