"""Resizing labels so that every class keeps its area, or its volume.

The share of each class in a target pixel is exact. A class then gets as many pixels as its area
amounts to, those with the largest shares: a threshold of one half would shrink small round
structures and lose thin ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import accumulate, pairwise

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
    shares = {
        value: area_shares((labels == value).float(), size).flatten() for value in _present(labels)
    }  # (h w,) each
    if not shares:
        return torch.zeros(size, dtype=torch.int64)
    every = torch.stack(list(shares.values())).sum(dim=0)
    areas = {value: float(share.sum()) for value, share in shares.items()}
    return _assigned(areas, _largest(every, every.sum()), every, shares.__getitem__, size)


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
    """Resize class numbers of a volume; each class keeps its share of the grid, to a voxel.

    Between slices that lie far apart, shares are interpolated as those of images are, so that a
    structure does not get steps. It needs memory for two classes at a time.

    Args:
        labels: shape (*S), 0 is background; ignored voxels, -1, are one more class.
        size: the new voxels along each axis.
    """
    if tuple(labels.shape) == tuple(size):
        return labels
    scale = math.prod(size) / labels.numel()
    classes = _present(labels)
    ends = [round(end * scale) for end in accumulate(int((labels == v).sum()) for v in classes)]
    areas = dict(zip(classes, (b - a for a, b in pairwise([0, *ends])), strict=True))
    every = resample_linear((labels != 0).float()[None], size).flatten()
    near = every.nonzero().flatten()  # far fewer than all, which have to be sorted
    chosen = near[_largest(every[near], torch.tensor(ends[-1] if ends else 0))]

    def share_of(value: int) -> Float[Tensor, "n"]:
        return resample_linear((labels == value).float()[None], size).flatten()

    return _assigned(areas, chosen, every, share_of, size).to(labels.dtype)


def _present(labels: Int[Tensor, "*S"]) -> list[int]:
    """The class numbers that are there, ignored voxels among them, without the background."""
    found = (labels - IGNORED).flatten().bincount().nonzero().flatten().add(IGNORED).tolist()
    return [value for value in found if value != 0]


def _assigned(
    areas: Mapping[int, float],
    chosen: Int[Tensor, "m"],
    every: Float[Tensor, "n"],
    share_of: Callable[[int], Float[Tensor, "n"]],
    size: tuple[int, ...],
) -> Int[Tensor, "*s"]:
    """Give each class as many of the chosen places as its area says, where its share is largest.

    Args:
        areas: of each class, in target voxels.
        chosen: places of any class, flat.
        every: share of all classes together, flat.
        share_of: that of one class, flat.
        size: of the target grid.
    """
    resized = torch.zeros(math.prod(size), dtype=torch.int64)
    rest = every[chosen]
    for number, (value, area) in enumerate(areas.items(), start=1):
        share = share_of(value)[chosen]
        is_last = number == len(areas)
        mine = (
            torch.ones_like(chosen, dtype=torch.bool)
            if is_last
            else _mask_of_largest(share / rest.clamp_min(1e-9), torch.tensor(area))
        )
        resized[chosen[mine]] = value
        chosen, rest = chosen[~mine], (rest - share)[~mine]
    return resized.reshape(size)


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
