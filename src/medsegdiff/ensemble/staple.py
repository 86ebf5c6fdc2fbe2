"""STAPLE: the hidden truth and each member's reliability, found together by EM.

Voxels on which all members say the same thing share one posterior, so the EM runs over the distinct
patterns of decisions (at most K to the power M, in practice a few hundred) and not over the voxels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from medsegdiff.ensemble.ensemble import Ensemble, member_labels
from medsegdiff.types import one_hot

TINY = 1e-300  # stands for 0 in a float64 logarithm


class Staple(Ensemble):
    """Posterior of the truth, each voter weighted by its own estimated confusion matrix.

    Binary masks need M of 3 or more to tell good voters from bad ones; the prior of each class
    is its share of all votes.

    Args:
        tolerance: stop once no entry of a confusion matrix moves by more than this.
        max_iterations: stop here if that never happens.

    Source: Warfield, Zou, Wells 2004, IEEE TMI 23(7), equations 14 to 19 (binary), 21 to 25 (K
    classes). Parity: tests/parity/test_simpleitk_staple.py.
    """

    sees_whole_masks: ClassVar[bool] = True

    name: Literal["staple"] = "staple"
    tolerance: float = Field(default=1e-7, gt=0)
    max_iterations: int = Field(default=500, gt=0)

    def fuse(self, voters: Float[Tensor, "M K *S"]) -> Float[Tensor, "K *S"]:
        """Posterior of each class, shape (K, *S); of the foreground where K is 1."""
        channels = voters.shape[1]
        estimate = estimate_truth(
            member_labels(voters), max(channels, 2), self.tolerance, self.max_iterations
        )
        probability = estimate.probability.to(voters.dtype)
        return probability[1:] if channels == 1 else probability


@dataclass(frozen=True)
class StapleEstimate:
    """What the EM found.

    Args:
        probability: posterior of the truth, shape (K, *S), float64, K counts background.
        confusion: P(member says d | truth is s) as [member, d, s], shape (M, K, K), float64. For
            two classes [:, 1, 1] is each member's sensitivity and [:, 0, 0] its specificity.
    """

    probability: Float[Tensor, "K *S"]
    confusion: Float[Tensor, "M K K"]


def estimate_truth(
    labels: Int[Tensor, "M *S"],
    classes: int,
    tolerance: float = 1e-7,
    max_iterations: int = 500,
) -> StapleEstimate:
    """Estimate truth and reliabilities from the members' labels.

    Args:
        labels: class per voxel of each member, shape (M, *S).
        classes: number of classes with background.
        tolerance: largest change of a confusion matrix at which the EM stops.
        max_iterations: the EM stops here at the latest.
    """
    where, count, patterns = _decision_patterns(labels.flatten(1), classes)
    said = one_hot(patterns.long(), classes).flatten(0, 1).double()  # (M K, U)
    weight = said.unflatten(0, (-1, classes)).mean(dim=0)  # (K, U), starts as the share of votes
    prior = weight @ count / count.sum()  # (K,)
    confusion = _reliability(said, weight * count)
    for _ in range(max_iterations):
        weight = _posterior(said, confusion, prior)  # E step
        last, confusion = confusion, _reliability(said, weight * count)  # M step
        if (confusion - last).abs().max() < tolerance:
            break
    probability = weight[:, where].reshape(classes, *labels.shape[1:])
    return StapleEstimate(probability, confusion)


def _decision_patterns(labels: Int[Tensor, "M N"], classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Number the distinct columns: pattern of each voxel (N,), its count (U,), it (M, U)."""
    at_once = max(1, int(30 / math.log2(classes)))  # digits to base K that fit beside a code
    code = torch.zeros_like(labels[0], dtype=torch.long)
    for rows in labels.split(at_once):
        for row in rows:
            code = code * classes + row
        code = torch.unique(code, return_inverse=True)[1]
    count = torch.bincount(code)
    example = torch.empty_like(count).scatter_(0, code, torch.arange(len(code), device=code.device))
    return code, count.double(), labels[:, example]


def _reliability(said: Float[Tensor, "MK U"], mass: Float[Tensor, "K U"]) -> Float[Tensor, "M K K"]:
    """Confusion matrices given the truth's weight on each pattern: equations 18, 19 and 24."""
    total = mass.sum(dim=1)  # (K,)
    hits = (said @ mass.T).unflatten(0, (-1, len(total)))  # (M, K, K)
    identity = torch.eye(len(total), dtype=hits.dtype, device=hits.device)
    return torch.where(total > 0, hits / total.clamp(min=TINY), identity)


def _posterior(
    said: Float[Tensor, "MK U"], confusion: Float[Tensor, "M K K"], prior: Float[Tensor, "K"]
) -> Float[Tensor, "K U"]:
    """Truth given decisions and reliabilities: equations 14 and 22, in logarithms."""
    likelihood = confusion.clamp(min=TINY).log().flatten(0, 1).T @ said
    return torch.softmax(likelihood + prior.clamp(min=TINY).log()[:, None], dim=0)
