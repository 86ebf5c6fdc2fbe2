"""Resizing labels so that every class keeps its area.

The share of each class in a target pixel is exact. A class then gets as many pixels as its area
amounts to, those with the largest shares: a threshold of one half would shrink small round
structures and lose thin ones.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from medsegdiff.types import IGNORED

GOLDEN = 0.6180339887498949  # its multiples modulo 1 are spread evenly, so that ties are too
TIE = 1e-4  # difference of two shares below which they are equal


def resize_labels(labels: Int[Tensor, "H W"], size: tuple[int, int]) -> Int[Tensor, "h w"]:
    """Resize class numbers; the area of each class relative to the grid is kept to half a pixel.

    Args:
        labels: shape (H, W), 0 is background; ignored voxels, -1, are one more class.
        size: the new (h, w).
    """
    if tuple(labels.shape) == tuple(size):
        return labels
    found = (labels - IGNORED).flatten().bincount().nonzero().flatten().add(IGNORED).tolist()
    present = [value for value in found if value != 0]
    shares = {
        value: area_shares((labels == value).float(), size) for value in present
    }  # (h, w) each
    resized = torch.zeros(size, dtype=torch.int64).flatten()
    rest = torch.stack(list(shares.values())).sum(dim=0).flatten() if shares else resized.float()
    chosen = _largest(rest, rest.sum())  # voxels of any class
    for value in present:
        share = shares[value].flatten()
        relative = share[chosen] / rest[chosen].clamp_min(1e-9)
        is_last = value == present[-1]
        mine = (
            torch.ones_like(chosen, dtype=torch.bool)
            if is_last
            else _mask_of_largest(relative, share.sum())
        )
        resized[chosen[mine]] = value
        chosen, rest = chosen[~mine], rest - share
    return resized.reshape(size)


def resample_linear(values: Float[Tensor, "N *S"], size: tuple[int, ...]) -> Float[Tensor, "N *s"]:
    """Resize along each axis in turn with an antialiased linear filter; edges lie on edges.

    Args:
        values: shape (N, *S), 2-D or 3-D.
        size: the new voxels along each axis.
    """
    for axis, length in enumerate(size, start=1):
        if values.shape[axis] == length:
            continue
        rows = values.movedim(axis, -1)
        lead = rows.shape[:-1]
        image = rows.reshape(1, 1, -1, rows.shape[-1])  # one axis at a time: (1, 1, n, S)
        resized = functional.interpolate(
            image, (image.shape[2], length), mode="bilinear", antialias=True, align_corners=False
        )
        values = resized.reshape(*lead, length).movedim(-1, axis)
    return values.contiguous()


def resample_labels(labels: Int[Tensor, "*S"], size: tuple[int, ...]) -> Int[Tensor, "*s"]:
    """Give every voxel of a new grid the class that takes the largest share of it.

    Unlike `resize_labels`, it needs no more memory than a few classes at a time, and is for grids
    that are not much coarser; the lower class wins a tie.

    Args:
        labels: class numbers, shape (*S).
        size: the new voxels along each axis.
    """
    if tuple(labels.shape) == tuple(size):
        return labels
    resized = torch.zeros(size, dtype=labels.dtype)
    largest = torch.zeros(size)
    for value in labels.unique().tolist():
        share = resample_linear((labels == value).float()[None], size)[0]
        resized[share > largest] = value
        largest = torch.maximum(largest, share)
    return resized


def area_shares(inside: Float[Tensor, "H W"], size: tuple[int, int]) -> Float[Tensor, "h w"]:
    """Share of each target pixel's area that a mask of zeros and ones covers, 0 to 1."""
    rows, columns = (_overlaps(old, new) for old, new in zip(inside.shape, size, strict=True))
    return rows @ inside @ columns.T


@lru_cache(maxsize=64)
def _overlaps(old: int, new: int) -> Float[Tensor, "new old"]:
    """Share of each of `new` intervals that each of `old` intervals covers; rows sum to 1."""
    width = old / new
    start = torch.arange(new, dtype=torch.float64)[:, None] * width
    cell = torch.arange(old, dtype=torch.float64)[None]
    overlap = (torch.minimum(start + width, cell + 1) - torch.maximum(start, cell)).clamp_min(0)
    return (overlap / width).float()


def _largest(shares: Float[Tensor, "n"], area: Tensor) -> Int[Tensor, "m"]:
    """Places of the largest shares, as many as the area has pixels, in their own order."""
    return _mask_of_largest(shares, area).nonzero().flatten()


def _mask_of_largest(shares: Float[Tensor, "n"], area: Tensor) -> Tensor:
    count = min(round(float(area)), len(shares))
    mask = torch.zeros(len(shares), dtype=torch.bool)
    spread = torch.arange(len(shares), dtype=torch.float64) * GOLDEN % 1
    order = (shares.double() + TIE * spread).sort(descending=True, stable=True).indices
    mask[order[:count]] = True
    return mask
