"""Predict v, the mixture of noise and signal that stays well scaled at every level."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from medsegdiff.diffusion.objectives.objective import SquaredError
from medsegdiff.diffusion.parametrisation import v_from_x_0, x_0_from_v
from medsegdiff.diffusion.process import Level, Process, Signal, Weight


class Velocity(SquaredError):
    """v with a squared error.

    Source: Salimans, Ho 2022, arXiv:2202.00512, section 4; simple diffusion, arXiv:2301.11093.
    """

    name: Literal["v"] = "v"

    @property
    def can_recycle(self) -> bool:
        """See `Objective.can_recycle`; the target divides by the noise's share, small at low t."""
        return self.min_snr_gamma is not None

    def x_0(self, output: Signal, x_t: Signal, t: Level, process: Process) -> Signal:
        """See `Objective.x_0`; clamped to the bounds, beyond which no mask can lie."""
        b = process.signal_scale
        return x_0_from_v(output.float(), x_t, t, process).clamp(-b, b)

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
        error = output - v_from_x_0(x_0, x_t, t, process)
        return self.weighted(error, t, process, snr_power=-2, weight=weight)
