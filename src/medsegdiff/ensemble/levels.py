"""Members at levels of their own: a generous one draws more than what is likely, a tight one less.

People who outline the same image differ less in single voxels than in how much they include. A
member that is cut where the others are cannot show that; one with a level of its own can.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from medsegdiff.ensemble.temperature import FLOOR, by_rows
from medsegdiff.types import MaskCoding

TAIL = 0.05  # of the draws at either end: levels that hardly any of a few people would choose


def own_draw(start: Float[Tensor, "D"], number: int) -> Float[Tensor, "D"]:
    """The draws of one member, `TAIL` to 1 - `TAIL`: so that those of any first few lie well apart.

    Args:
        start: of the sequence, 0 to 1, one for each of D draws.
        number: of the member, from 0.

    Source: Roberts 2018, "The unreasonable effectiveness of quasirandom sequences"; for one draw
    the multiples of the golden ratio.
    """
    draws = len(start)
    root = 2.0
    for _ in range(64):  # of x^(D + 1) = x + 1
        root = (1 + root) ** (1 / (draws + 1))
    strides = torch.tensor([root ** -(d + 1) for d in range(draws)], dtype=torch.float64)
    share = (start.double() + number * strides) % 1
    return (TAIL + (1 - 2 * TAIL) * share).to(start.dtype)


def at_own_level(
    probability: Float[Tensor, "K *S"],
    draw: Float[Tensor, "D"],
    spread: float,
    coding: MaskCoding,
) -> Float[Tensor, "K *S"]:
    """Move a member's logits by as much everywhere, so that cutting them cuts it at its own level.

        sigmoid(logit(p) - s logit(u))   binary, regions       softmax(ln p - s ln(-ln u))   classes

    With a spread of 1 and u uniform from 0 to 1, a voxel gets each class as often as is likely: for
    one channel that is a threshold drawn from 0 to 1, for several the Gumbel-max trick with one
    draw for the whole image. With 0 the same tensor comes back, bit for bit.

    Args:
        probability: 0 to 1, shape (K, *S); of the foreground where K is 1.
        draw: u, one for each class, or a single one for all channels of regions.
        spread: s, 0 to 1.
        coding: what the channels are.

    Source: Papandreou and Yuille 2011, "Perturb-and-MAP random fields", here with one perturbation.
    """
    if spread == 0:
        return probability

    def moved(given: Float[Tensor, "K *s"]) -> Float[Tensor, "K *s"]:
        u = draw.view(-1, *[1] * (given.ndim - 1))
        if coding.is_exclusive:
            return torch.softmax(given.clamp(min=FLOOR).log() - spread * (-u.log()).log(), dim=0)
        return torch.sigmoid(torch.logit(given, eps=FLOOR) - spread * torch.logit(u))

    return by_rows(probability, moved)
