"""What is done to images before the network sees them, and undone on the masks it returns."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medsegdiff.component import Component

Drawn = Mapping[str, Any]


class Transform(Component, family=True):
    """A change of images that is drawn first, applied second, and can be undone on masks.

    Everything works on batches, in 2-D (H, W) and where a member says nothing else in 3-D (D, H,
    W). What is drawn is drawn on the CPU, for each image of the batch by itself, and holds all that
    `apply` and `undo` need.
    """

    @abstractmethod
    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Drawn:
        """Draw the parameters for a batch of images.

        Args:
            shape: of the batch, (B, C, *S).
            generator: the only source of chance.
        """

    @abstractmethod
    def apply(self, image: Float[Tensor, "B C *S"], drawn: Drawn) -> Float[Tensor, "B C *s"]:
        """Change the images, (B, C, *S)."""

    def apply_to_labels(self, labels: Int[Tensor, "B *S"], drawn: Drawn) -> Int[Tensor, "B *s"]:
        """Move class numbers along with their images; unchanged where only intensities change."""
        return labels

    def undo(self, mask: Float[Tensor, "B K *S"], drawn: Drawn) -> Float[Tensor, "B K *s"]:
        """Bring probabilities back to the images' place; the same if only intensities changed."""
        return mask


def augment(
    image: Float[Tensor, "B C *S"],
    labels: Int[Tensor, "B *S"],
    transforms: Sequence[Transform],
    generator: torch.Generator,
) -> tuple[Float[Tensor, "B C *S"], Int[Tensor, "B *S"]]:
    """Apply freshly drawn transforms to a batch, one after the other."""
    for transform in transforms:
        drawn = transform.draw(tuple(image.shape), generator)
        image = transform.apply(image, drawn)
        labels = transform.apply_to_labels(labels, drawn)
    return image, labels


def happens(batch: int, probability: float, generator: torch.Generator) -> Tensor:
    """Draw for each image whether something is done to it, bool, shape (B,)."""
    return torch.rand(batch, generator=generator) < probability


def uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    """Draw evenly between two bounds."""
    return low + (high - low) * torch.rand(shape, generator=generator)


def per_image(drawn: Tensor, image: Float[Tensor, "B C *S"]) -> Tensor:
    """Shape numbers drawn per image (B,) or per channel (B, C) so that they act on (B, C, *S)."""
    return drawn.to(image).reshape(*drawn.shape, *[1] * (image.ndim - drawn.ndim))
