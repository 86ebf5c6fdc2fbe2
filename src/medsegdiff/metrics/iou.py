"""IoU: the shared part of what either mask covers (Jaccard's index)."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Bool
from torch import Tensor

from medsegdiff.metrics.metric import Metric


class IoU(Metric):
    """Overlap of two masks: the shared volume over the volume of their union.

    From 0 (disjoint) to 1 (equal), no unit. Both empty gives 1, one empty gives 0.

    Source: Jaccard 1912, New Phytologist 11(2). Parity: tests/parity/test_metrics.py.
    """

    name: Literal["iou"] = "iou"

    def measure(
        self,
        prediction: Bool[Tensor, "*S"],
        reference: Bool[Tensor, "*S"],
        spacing_mm: tuple[float, ...] | None,
    ) -> float:
        """Return |P and R| / |P or R|."""
        return int((prediction & reference).sum()) / int((prediction | reference).sum())
