"""How far a prediction is: the network's steps are counted, and told to whoever watches."""

from __future__ import annotations

from collections.abc import Callable

from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.weights import TrainedModel

Progress = Callable[[int, int], object]


class StepCount:
    """Counts the steps of one prediction.

    Args:
        progress: called with (steps done, steps in all) before the first step and after each; what
            it raises stops the prediction. None tells nobody.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self.done, self.total = 0, 0

    def begin(self, total: int) -> None:
        """So many steps follow."""
        self.total = total
        self._tell()

    def step(self) -> None:
        """One step is done."""
        self.done += 1
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self.done, self.total)


def steps_of_a_view(model: TrainedModel, config: PredictConfig) -> int:
    """Steps that all networks together need for what they see at once; a head alone counts one."""
    chunks = -(-config.members // config.member_batch)
    walks = chunks * config.sampler.steps
    return sum(walks if network.denoises and walks else 1 for network in model.networks)
