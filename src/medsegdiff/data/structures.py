"""How wide the structures in a mask are, and which of them a smaller grid would lose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from torch import Tensor

NARROWEST = 4.0  # target pixels across; wider structures keep their area to about 1 %
SMALLEST_AREA = 4  # voxels; less is a speck
WORTH_TELLING = 0.05  # share of a class's area in structures that are too narrow
QUANTILE = 0.05


@dataclass(frozen=True)
class Structure:
    """One connected structure.

    Args:
        label: its class number.
        area: in voxels.
        width: about how far across, in voxels.
    """

    label: int
    area: int
    width: float


def structures(labels: Int[Tensor, "H W"]) -> list[Structure]:
    """Measure every connected structure of every class.

    The width is four times the mean depth below the surface, which is exact for a long band; a disc
    counts as two thirds of its diameter.
    """
    from scipy import ndimage

    found = []
    for value in labels.clamp(min=0).flatten().bincount()[1:].nonzero().flatten().add(1).tolist():
        inside = np.pad((labels == value).numpy(), 1)
        depth = ndimage.distance_transform_edt(inside)
        numbered, count = ndimage.label(inside)  # pyright: ignore[reportGeneralTypeIssues]
        areas = np.bincount(numbered.ravel(), minlength=count + 1)[1:]
        depths = np.bincount(numbered.ravel(), np.asarray(depth).ravel(), minlength=count + 1)[1:]
        found += [
            Structure(value, int(area), float(4 * (total / area - 0.5)))
            for area, total in zip(areas, depths, strict=True)
            if area >= SMALLEST_AREA
        ]
    return found


def report_thin(
    measured: Sequence[tuple[float, Structure]], names: Sequence[str], side: int
) -> list[str]:
    """Say which classes have structures too narrow for a grid, and which grid would keep them.

    Args:
        measured: for each structure, the scale from its study's grid to the target, and itself.
        names: of the classes, background first.
        side: geometric mean of the target grid's sides.
    """
    sentences = []
    for value in range(1, len(names)):
        mine = [(scale * one.width, one.area) for scale, one in measured if one.label == value]
        if not mine:
            continue
        widths, areas = map(np.asarray, zip(*sorted(mine), strict=True))
        thin = areas[widths < NARROWEST].sum() / areas.sum()
        if thin < WORTH_TELLING:
            continue
        narrow = widths[np.searchsorted(areas.cumsum(), QUANTILE * areas.sum())]
        needed = int(np.ceil(side * NARROWEST / max(narrow, 0.1) / 16)) * 16
        sentences.append(
            f"{thin:.0%} of the area of {names[value]} lies in structures narrower than "
            f"{NARROWEST:.0f} pixels on a grid of side {side}, where their outline is coarse; a "
            f"side of {needed} would keep 95 % of it."
        )
    return sentences
