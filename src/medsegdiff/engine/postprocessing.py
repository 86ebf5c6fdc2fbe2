"""From probabilities to the mask, and what may be tidied in it: small pieces and holes."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import ndimage
from torch import Tensor

from medsegdiff.engine.config import PredictConfig
from medsegdiff.types import MaskCoding, labels_from_probability

VOXELS_AT_ONCE = 2**20


def mask_of(
    probability: Float[Tensor, "K *S"],
    threshold: float,
    config: PredictConfig,
    coding: MaskCoding | None = None,
) -> Int[Tensor, "*S"]:
    """Class per voxel, tidied as the settings ask; regions one by one, before they are painted."""
    coding = coding or MaskCoding.of_channels(len(probability))
    wishes = config.keep_largest, config.fill_holes
    if not coding.regions:
        labels = labels_from_probability(probability, threshold, coding)
        return cleaned(labels, coding.classes, *wishes)
    regions = [cleaned((one >= threshold).long(), 2, *wishes) > 0 for one in probability]
    return coding.paint(torch.stack(regions))


def cleaned(
    labels: Int[Tensor, "*S"], classes: int, keep_largest: bool, fill_holes: bool
) -> Int[Tensor, "*S"]:
    """Tidy each class on its own; with neither wish the labels come back as they are.

    Args:
        labels: class per voxel, 0 is background.
        classes: K, with the background.
        keep_largest: keep only the largest connected piece of each class (voxels that share an
            edge or a corner are connected); the rest becomes background.
        fill_holes: give background that one class encloses to that class.
    """
    if not keep_largest and not fill_holes:
        return labels
    tidy = labels.cpu().numpy().copy()
    for index in range(1, classes):
        if keep_largest:
            mask = tidy == index
            tidy[mask & ~_largest_piece(mask)] = 0
        if fill_holes:
            mask = tidy == index
            holes = ndimage.binary_fill_holes(mask) & (tidy == 0)
            tidy[holes] = index
    return torch.from_numpy(tidy).to(labels.device)


def piece_sizes(mask: np.ndarray, across_corners: bool = True) -> np.ndarray:
    """Voxels of each connected piece.

    Args:
        mask: bool, shape (*S).
        across_corners: whether voxels that share an edge or a corner are connected, and not only
            those that share a face.
    """
    return _sizes(*_pieces(mask, across_corners))


def _largest_piece(mask: np.ndarray) -> np.ndarray:
    """The connected piece with the most voxels, the first of equals; empty where there is none."""
    pieces, count = _pieces(mask)
    return mask if count == 0 else pieces == 1 + _sizes(pieces, count).argmax()


def _pieces(mask: np.ndarray, across_corners: bool = True) -> tuple[np.ndarray, int]:
    """Number every connected piece from 1, and count them."""
    structure = np.ones((3,) * mask.ndim) if across_corners else None
    pieces, count = ndimage.label(mask, structure=structure)  # pyright: ignore
    return pieces, int(count)


def _sizes(pieces: np.ndarray, count: int) -> np.ndarray:
    """Voxels of each numbered piece; counted in parts, for `bincount` copies what it counts."""
    sizes, numbers = np.zeros(count + 1, dtype=np.int64), pieces.ravel()
    at_once = max(VOXELS_AT_ONCE, count)
    for first in range(0, len(numbers), at_once):
        sizes += np.bincount(numbers[first : first + at_once], minlength=count + 1)
    return sizes[1:]
