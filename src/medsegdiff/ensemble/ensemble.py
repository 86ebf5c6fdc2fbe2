"""The family of ensembles: what they share is the uncertainty, they differ in how they fuse."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medsegdiff.component import Component
from medsegdiff.ensemble.temperature import tempered
from medsegdiff.ensemble.uncertainty import mutual_information, predictive_entropy
from medsegdiff.errors import ConfigError
from medsegdiff.types import Fused, MaskCoding, labels_from_probability


class Ensemble(Component, family=True):
    """Fuse the members' probabilities of one study into one.

    A member of this family provides `fuse` for classes and for binary tasks; regions come to it
    one by one, each as a binary task. Uncertainty is always that of the equal mixture of all
    voters, however their probability was fused, at the temperature at which it comes true.

    Args:
        with_head: let the condition head's mask count as one more voter.
    """

    sees_whole_masks: ClassVar[bool] = False  # a part of the masks is not enough to fuse it

    with_head: bool = False

    def __call__(
        self,
        members: Float[Tensor, "M K *S"],
        head: Float[Tensor, "K *S"] | None = None,
        coding: MaskCoding | None = None,
        temperature: float = 1.0,
    ) -> Fused:
        """Fuse the members, and the head if the settings ask for it.

        Args:
            members: probability of each channel in each drawn mask, shape (M, K, *S), 0 to 1.
            head: the same from the deterministic head, shape (K, *S); only read if `with_head`.
            coding: what the channels are; None takes one as binary and several as classes.
            temperature: of the uncertainty; the probability is fused as the voters give it.

        Raises:
            ConfigError: `with_head` is set and there is no head.
        """
        coding = coding or MaskCoding.of_channels(members.shape[1])
        voters = self._voters(members, head)
        mixture = tempered(voters.mean(dim=0), temperature, coding)
        return Fused(
            probability=self._fused(voters, coding),
            uncertainty=predictive_entropy(mixture[None], coding),
            mutual_information=mutual_information(voters, coding),
        )

    def fuse(self, voters: Float[Tensor, "M K *S"]) -> Float[Tensor, "K *S"]:
        """Make one probability, shape (K, *S), of those of all voters, shape (M, K, *S).

        K is 1 for a binary task and for one region of several, else the number of classes.
        """
        raise NotImplementedError

    def _fused(self, voters: Float[Tensor, "M K *S"], coding: MaskCoding) -> Float[Tensor, "K *S"]:
        if coding.is_exclusive:
            return self.fuse(voters)
        return torch.cat([self.fuse(one) for one in voters.split(1, dim=1)])

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


def member_labels(
    members: Float[Tensor, "M K *S"], coding: MaskCoding | None = None
) -> Int[Tensor, "M *S"]:
    """Class per voxel that each member chooses, shape (M, *S), int16 since there are M of them."""
    labels = [labels_from_probability(member, coding=coding).short() for member in members]
    return torch.stack(labels)
