"""Cross-entropy and soft Dice of logits against a mask: the default loss, and every head's."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from medsegdiff.diffusion.process import Signal


def probability_from_logits(logits: Signal) -> Signal:
    """Sigmoid for one channel, softmax over several; float32."""
    logits = logits.float()
    return logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1)


def cross_entropy_and_dice(
    logits: Signal, truth: Signal, cross_entropy_weight: float = 1.0
) -> Float[Tensor, " B"]:
    """Mean cross-entropy, weighted, plus one minus soft Dice, for each row.

    Cross-entropy keeps the probabilities honest; Dice alone is not a proper score. Dice is taken
    over the foreground channels; one that is empty in truth counts as 1 when the prediction is
    empty too.

    Args:
        logits: shape (B, K, *S).
        truth: one-hot (or 0 and 1 for a single channel), same shape.
        cross_entropy_weight: beta of MedSegDiff-V2's loss on its condition model.
    """
    logits = logits.float()
    if logits.shape[1] == 1:
        entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    else:
        entropy = functional.cross_entropy(logits, truth, reduction="none").unsqueeze(1)
    entropy = cross_entropy_weight * entropy.flatten(1).mean(dim=1)
    return entropy + 1 - soft_dice(probability_from_logits(logits), truth)


def soft_dice(probability: Signal, truth: Signal, smooth: float = 1.0) -> Float[Tensor, " B"]:
    """Mean soft Dice of the foreground, by row; `smooth` voxels decide when both are empty."""
    if probability.shape[1] > 1:
        probability, truth = probability[:, 1:], truth[:, 1:]
    probability, truth = probability.flatten(2), truth.flatten(2)
    shared = torch.sum(probability * truth, dim=2)
    total = torch.sum(probability, dim=2) + torch.sum(truth, dim=2)
    return ((2 * shared + smooth) / (total + smooth)).mean(dim=1)
