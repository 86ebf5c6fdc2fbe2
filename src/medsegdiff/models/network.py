"""The family of networks, and the narrow contract that each of them keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from medsegdiff.component import Component


@dataclass(frozen=True)
class Condition:
    """What a network knows of the image before it sees noise: once for all steps and members.

    Args:
        features: whatever the network's `denoise` needs, finest first; batch B or 1 (shared by all
            members).
        logits: the mask by the network's own head, shape (B, K, *S); None if it has none.
    """

    features: tuple[Float[Tensor, "B _ ..."], ...]
    logits: Float[Tensor, "B K *S"] | None = None

    def with_gradient(self, share: float) -> Condition:
        """The same values; only a share of what is done with the features reaches their network."""
        if share == 1:
            return self
        features = (m.detach() + share * (m - m.detach()) for m in self.features)
        return Condition(tuple(features), self.logits)


class SegmentationNetwork(nn.Module, ABC):
    """A module that conditions on an image once and denoises masks many times.

    Any grid size goes in. `denoises` is False for a network that has only its head;
    `self_conditions` is True for one that sees its last guess of the mask beside the noisy one.
    """

    denoises: bool = True
    self_conditions: bool = False

    @abstractmethod
    def condition(self, image: Float[Tensor, "B C *S"]) -> Condition:
        """Look at the image once."""

    @abstractmethod
    def denoise(
        self, x_t: Float[Tensor, "B _ *S"], t: Int[Tensor, " B"], condition: Condition
    ) -> Float[Tensor, "B K *S"]:
        """Raw output for each noisy mask; a condition of batch 1 serves all of them.

        Args:
            x_t: noisy masks, scaled to unit variance, in K channels; K more hold the last guess,
                or zeros, if it `self_conditions`.
            t: levels, 0 to T.
            condition: from `condition`, same grid.
        """


class Network(Component, family=True):
    """Settings of a network; building it gives the module."""

    def build(
        self, image_channels: int, mask_channels: int, space_dims: int = 2
    ) -> SegmentationNetwork:
        """Make the module with fresh weights (from torch's current random state).

        Args:
            image_channels: C.
            mask_channels: K, 1 for a binary task.
            space_dims: 2 for images, 3 for volumes.
        """
        raise NotImplementedError


class DenoisingNetwork(Network):
    """Settings of a network that denoises masks.

    Args:
        self_conditioning: show the denoiser its last guess of the mask, as channels beside the
            noisy one; half of the training batches show none. A guess costs half a pass more on
            average in training, and nothing in sampling.

    Source: Chen, Zhang, Hinton 2023, arXiv:2208.04202, section 3 (self-conditioning).
    """

    self_conditioning: bool = False

    def seen_channels(self, mask_channels: int) -> int:
        """Channels of x_t as `denoise` gets it."""
        return (2 if self.self_conditioning else 1) * mask_channels
