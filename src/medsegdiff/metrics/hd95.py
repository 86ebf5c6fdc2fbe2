"""HD95: the distance that all but the worst twentieth of the outline keeps."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool
from torch import Tensor

from medsegdiff.metrics.metric import Metric
from medsegdiff.metrics.surface import surface_distances


class HD95(Metric):
    """Hausdorff distance at the 95th percentile: the larger of both directions.

    In mm where the spacing is known, else in voxels; 0 is best. Both empty gives 0, one empty is
    unknown (nan).

    Source: Huttenlocher et al. 1993, IEEE TPAMI 15(9); the larger of the two directed percentiles,
    as in MONAI (others pool the distances first). Parity: tests/parity/test_metrics.py.
    """

    is_distance: ClassVar[bool] = True
    name: Literal["hd95"] = "hd95"

    def measure(
        self,
        prediction: Bool[Tensor, "*S"],
        reference: Bool[Tensor, "*S"],
        spacing_mm: tuple[float, ...] | None,
    ) -> float:
        """Return the larger 95th percentile of the two sets of surface distances."""
        distances = surface_distances(prediction, reference, spacing_mm)
        return max(float(np.percentile(each, 95)) for each in distances)
