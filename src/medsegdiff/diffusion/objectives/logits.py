"""Predict the clean mask as logits and score it as a segmentation: the default."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from medsegdiff.diffusion.objectives.objective import Objective
from medsegdiff.diffusion.overlap import cross_entropy_and_dice, probability_from_logits
from medsegdiff.diffusion.process import Level, Process, Signal, Weight


class Logits(Objective):
    """x_0 as logits with cross-entropy and Dice.

    Source: Fu et al. 2023, arXiv:2303.06040; Xing et al. 2023 (Diff-UNet), arXiv:2303.10326.
    """

    name: Literal["logits"] = "logits"

    def x_0(self, output: Signal, x_t: Signal, t: Level, process: Process) -> Signal:
        """See `Objective.x_0`; within the bounds by construction."""
        return process.from_probability(probability_from_logits(output, process.coding))

    def loss(
        self,
        output: Signal,
        x_0: Signal,
        x_t: Signal,
        t: Level,
        process: Process,
        weight: Weight | None = None,
    ) -> Float[Tensor, " B"]:
        """See `Objective.loss`."""
        truth = process.probability(x_0)
        return cross_entropy_and_dice(output, truth, process.coding, weight=weight)
