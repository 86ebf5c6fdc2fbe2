"""Dice: the measure that most segmentation papers report."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Bool
from torch import Tensor

from medsegdiff.metrics.metric import Metric


class Dice(Metric):
    """Overlap of two masks: twice the shared volume over the sum of both volumes.

    From 0 (disjoint) to 1 (equal), no unit. Both empty gives 1, one empty gives 0.

    Source: Dice 1945, Ecology 26(3). Parity: tests/parity/test_metrics.py.
    """

    name: Literal["dice"] = "dice"

    def measure(
        self,
        prediction: Bool[Tensor, "*S"],
        reference: Bool[Tensor, "*S"],
        spacing_mm: tuple[float, ...] | None,
    ) -> float:
        """Return 2 |P and R| / (|P| + |R|)."""
        shared = int((prediction & reference).sum())
        return 2 * shared / (int(prediction.sum()) + int(reference.sum()))
