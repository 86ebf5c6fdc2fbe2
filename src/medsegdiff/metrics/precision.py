"""Precision: how much of what was outlined is lesion."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Bool
from torch import Tensor

from medsegdiff.metrics.metric import Metric


class Precision(Metric):
    """Share of the prediction that lies in the reference, voxel by voxel.

    From 0 to 1, no unit. Both empty gives 1, one empty gives 0.

    Parity: tests/parity/test_metrics.py.
    """

    name: Literal["precision"] = "precision"

    def measure(
        self,
        prediction: Bool[Tensor, "*S"],
        reference: Bool[Tensor, "*S"],
        spacing_mm: tuple[float, ...] | None,
    ) -> float:
        """Return |P and R| / |P|."""
        return int((prediction & reference).sum()) / int(prediction.sum())
