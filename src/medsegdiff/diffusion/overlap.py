"""Cross-entropy and soft Dice of logits against a mask: the default loss, and every head's."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from medsegdiff.diffusion.process import Signal, Weight
from medsegdiff.types import MaskCoding

TINY = 1e-6  # less than the weight of any voxel that counts


def probability_from_logits(logits: Signal, coding: MaskCoding) -> Signal:
    """Softmax over classes, sigmoid for a binary mask and for each region; float32."""
    logits = logits.float()
    return logits.softmax(dim=1) if coding.is_exclusive else logits.sigmoid()


def cross_entropy_and_dice(
    logits: Signal,
    truth: Signal,
    coding: MaskCoding,
    cross_entropy_weight: float = 1.0,
    weight: Weight | None = None,
) -> Float[Tensor, " B"]:
    """Mean cross-entropy, weighted, plus one minus soft Dice, for each row.

    Cross-entropy keeps the probabilities honest; Dice alone is not a proper score. Dice is taken
    over the foreground classes or the regions; one that is empty in truth counts as 1 when the
    prediction is empty too.

    Args:
        logits: shape (B, K, *S).
        truth: one-hot for classes, else 0 and 1 in each channel; same shape.
        coding: what the channels are.
        cross_entropy_weight: beta of MedSegDiff-V2's loss on its condition model.
        weight: 0 where voxels are ignored; None counts all.
    """
    logits = logits.float()
    if coding.is_exclusive:
        entropy = functional.cross_entropy(logits, truth, reduction="none").unsqueeze(1)
    else:
        entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    entropy = cross_entropy_weight * weighted_mean(entropy, weight)
    probability = probability_from_logits(logits, coding)
    if coding.is_exclusive:  # without the background
        probability, truth = probability[:, 1:], truth[:, 1:]
    return entropy + 1 - soft_dice(probability, truth, weight)


def soft_dice(
    probability: Signal, truth: Signal, weight: Weight | None = None, smooth: float = 1.0
) -> Float[Tensor, " B"]:
    """Mean soft Dice over the channels, by row; `smooth` voxels decide when both are empty."""
    if weight is not None:
        probability, truth = probability * weight, truth * weight
    probability, truth = probability.flatten(2), truth.flatten(2)
    shared = torch.sum(probability * truth, dim=2)
    total = torch.sum(probability, dim=2) + torch.sum(truth, dim=2)
    return ((2 * shared + smooth) / (total + smooth)).mean(dim=1)


def weighted_mean(values: Signal, weight: Weight | None) -> Float[Tensor, " B"]:
    """Mean over the voxels that count, and over the channels, of each row; 0 where none counts."""
    if weight is None:
        return values.flatten(1).mean(dim=1)
    total = (values * weight).flatten(1).sum(dim=1)
    return total / (weight.flatten(1).sum(dim=1) * values.shape[1]).clamp(min=TINY)
