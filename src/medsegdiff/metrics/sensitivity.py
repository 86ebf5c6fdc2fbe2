"""Sensitivity: how much of the lesion was found."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Bool
from torch import Tensor

from medsegdiff.metrics.metric import Metric


class Sensitivity(Metric):
    """Share of the reference that the prediction covers (recall), voxel by voxel.

    From 0 to 1, no unit. Both empty gives 1, one empty gives 0.

    Parity: tests/parity/test_metrics.py.
    """

    name: Literal["sensitivity"] = "sensitivity"

    def measure(
        self,
        prediction: Bool[Tensor, "*S"],
        reference: Bool[Tensor, "*S"],
        spacing_mm: tuple[float, ...] | None,
    ) -> float:
        """Return |P and R| / |R|."""
        return int((prediction & reference).sum()) / int(reference.sum())
