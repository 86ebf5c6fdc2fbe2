"""Lesion-wise sensitivity: how many of the lesions were found."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Bool
from pydantic import Field
from torch import Tensor

from medsegdiff.metrics.lesions import count_lesions
from medsegdiff.metrics.metric import Metric


class LesionSensitivity(Metric):
    """Share of the reference's lesions that the prediction hits (lesion-wise recall).

    From 0 to 1, no unit. Both empty gives 1, one empty gives 0.

    Args:
        overlap: the share of a lesion that must be covered for a hit; one voxel at least.

    Source: Maier-Hein et al. 2024, Metrics Reloaded, arXiv:2206.01653 (detection at object level).
    """

    name: Literal["lesion_sensitivity"] = "lesion_sensitivity"
    overlap: float = Field(default=0.0, ge=0, le=1)

    def measure(
        self,
        prediction: Bool[Tensor, "*S"],
        reference: Bool[Tensor, "*S"],
        spacing_mm: tuple[float, ...] | None,
    ) -> float:
        """Return the share, each lesion counting the same."""
        counts = count_lesions(prediction, reference, self.overlap)
        return counts.found / counts.reference
