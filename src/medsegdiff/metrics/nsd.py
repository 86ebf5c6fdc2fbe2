"""NSD: the share of the outline that is right within a tolerance."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Bool
from pydantic import Field
from torch import Tensor

from medsegdiff.metrics.metric import Metric
from medsegdiff.metrics.surface import surface_distances


class NSD(Metric):
    """Normalised surface distance: share of both surfaces within a tolerance of the other.

    From 0 to 1, no unit. Both empty gives 1, one empty gives 0.

    Args:
        tolerance: largest distance that counts as right, in mm, or in voxels without a spacing.

    Source: Nikolov et al. 2021, arXiv:1809.04430, with voxels as surface elements, as in MONAI.
    Parity: tests/parity/test_metrics.py.
    """

    name: Literal["nsd"] = "nsd"
    tolerance: float = Field(default=2.0, ge=0)

    def measure(
        self,
        prediction: Bool[Tensor, "*S"],
        reference: Bool[Tensor, "*S"],
        spacing_mm: tuple[float, ...] | None,
    ) -> float:
        """Return the share of surface voxels, of both masks together, within the tolerance."""
        there, back = surface_distances(prediction, reference, spacing_mm)
        right = (there <= self.tolerance).sum() + (back <= self.tolerance).sum()
        return float(right / (len(there) + len(back)))
