"""ASSD: how far the two outlines lie from each other on average."""

from __future__ import annotations

from typing import ClassVar, Literal

from jaxtyping import Bool
from torch import Tensor

from medsegdiff.metrics.metric import Metric
from medsegdiff.metrics.surface import surface_distances


class ASSD(Metric):
    """Average symmetric surface distance: mean over the surface voxels of both masks.

    In mm where the spacing is known, else in voxels; 0 is best. Both empty gives 0, one empty is
    unknown (nan).

    Source: Heimann et al. 2009, IEEE TMI 28(8), with voxels as surface elements, as in MONAI.
    Parity: tests/parity/test_volume_metrics.py.
    """

    is_distance: ClassVar[bool] = True
    name: Literal["assd"] = "assd"

    def measure(
        self,
        prediction: Bool[Tensor, "*S"],
        reference: Bool[Tensor, "*S"],
        spacing_mm: tuple[float, ...] | None,
    ) -> float:
        """Return the mean of both sets of surface distances together."""
        there, back = surface_distances(prediction, reference, spacing_mm)
        return float((there.sum() + back.sum()) / (len(there) + len(back)))
