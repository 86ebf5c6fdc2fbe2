"""Predict the clean signal itself, with a squared error."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from medsegdiff.diffusion.objectives.objective import SquaredError
from medsegdiff.diffusion.process import Level, Process, Signal, Weight


class Clean(SquaredError):
    """x_0 with a squared error, measured in units of the signal scale."""

    name: Literal["x_0"] = "x_0"

    def x_0(self, output: Signal, x_t: Signal, t: Level, process: Process) -> Signal:
        """See `Objective.x_0`; the network predicts x_0 / b."""
        return process.signal_scale * output.float().clamp(-1, 1)

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
        error = output - x_0 / process.signal_scale
        return self.weighted(error, t, process, snr_power=0, weight=weight)
