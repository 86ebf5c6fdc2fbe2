"""Lesions instead of voxels: which of them were found, and which were made up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from medsegdiff.metrics.bounding_box import bounding_box


@dataclass(frozen=True)
class LesionCounts:
    """How many lesions two masks share.

    Args:
        reference: lesions of the reference.
        found: those of them that the prediction hits.
        prediction: lesions of the prediction.
        right: those of them that hit the reference; the others are false positives.
    """

    reference: int
    found: int
    prediction: int
    right: int


def count_lesions(
    prediction: Bool[Tensor, "*S"], reference: Bool[Tensor, "*S"], overlap: float = 0.0
) -> LesionCounts:
    """Count lesions: connected pieces, across faces, edges and corners.

    Args:
        prediction: mask, shape (*S); may be empty.
        reference: mask on the same grid; may be empty.
        overlap: the share of a lesion's voxels that the other mask must cover for a hit; one voxel
            at least.
    """
    found, truth = prediction.cpu().numpy(), reference.cpu().numpy()
    either = found | truth
    if not either.any():
        return LesionCounts(0, 0, 0, 0)
    box = bounding_box(either)
    found, truth = found[box], truth[box]
    lesions, hit = _pieces_hit(truth, found, overlap)
    drawn, right = _pieces_hit(found, truth, overlap)
    return LesionCounts(lesions, hit, drawn, right)


def _pieces_hit(
    mask: NDArray[np.bool_], other: NDArray[np.bool_], overlap: float
) -> tuple[int, int]:
    """Number of connected pieces of a mask, and of those that the other mask covers enough."""
    numbered, count = ndimage.label(mask, structure=np.ones((3,) * mask.ndim))  # pyright: ignore
    sizes = np.bincount(numbered[mask], minlength=count + 1)[1:]
    covered = np.bincount(numbered[mask & other], minlength=count + 1)[1:]
    return int(count), int((covered >= np.maximum(overlap * sizes, 1)).sum())
