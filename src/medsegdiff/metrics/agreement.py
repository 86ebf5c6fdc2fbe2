"""How like several raters several members are: GED squared, HM-IoU, D_max, joint sensitivity.

Two label maps are compared by the mean over the foreground classes (or the regions) of their IoU
(or Dice); where both lack one, they agree on it (1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medsegdiff.errors import DataError
from medsegdiff.metrics.metric import check_labels, check_same_grid
from medsegdiff.metrics.sensitivity import Sensitivity

Regions = tuple[tuple[int, ...], ...]
VOXELS_AT_ONCE = 2**22  # sums of fewer than 2**24 ones are exact in float32


@dataclass(frozen=True)
class RaterAgreement:
    """How like the raters the members of one study are.

    Args:
        ged_squared, hm_iou, d_max, union_sensitivity: as the functions of these names give them.
        members, raters: how many were compared.
    """

    ged_squared: float
    hm_iou: float
    d_max: float
    union_sensitivity: float
    members: int
    raters: int


def rater_agreement(
    members: Int[Tensor, "M *S"],
    raters: Int[Tensor, "R *P"],
    classes: int = 2,
    regions: Regions = (),
) -> RaterAgreement:
    """All four measures of one study.

    Raises:
        GridMismatch: the two grids differ in shape.
        DataError: a label is not one of the classes, or there is no member or no rater.
    """
    return RaterAgreement(
        ged_squared(members, raters, classes, regions),
        hm_iou(members, raters, classes, regions),
        d_max(members, raters, classes, regions),
        union_sensitivity(members, raters, classes, regions),
        len(members),
        len(raters),
    )


def ged_squared(
    members: Int[Tensor, "M *S"],
    raters: Int[Tensor, "R *P"],
    classes: int = 2,
    regions: Regions = (),
) -> float:
    """Squared generalised energy distance between two sets of masks, with d = 1 - IoU.

        2 E d(member, rater) - E d(member, member') - E d(rater, rater')

    over all pairs, those of a mask with itself included. From 0 (two equal sets) to 2; no unit.

    Args:
        members: labels, shape (M, *S).
        raters: labels on the same grid, shape (R, *S).
        classes: number of classes with background.
        regions: the classes of each region, compared in place of the classes; they may overlap.

    Raises:
        GridMismatch: the two grids differ in shape.
        DataError: a label is not one of the classes, or there is no member or no rater.

    Source: Székely and Rizzo 2013, JSPI 143(8); Kohl et al. 2018, arXiv:1806.05034, equation 3.
    """
    _check(members, raters, classes)
    pairs = (members, raters), (members, members), (raters, raters)
    across, within, between = (float(1 - _iou(*pair, classes, regions).mean()) for pair in pairs)
    return 2 * across - within - between


def hm_iou(
    members: Int[Tensor, "M *S"],
    raters: Int[Tensor, "R *P"],
    classes: int = 2,
    regions: Regions = (),
) -> float:
    """Mean IoU of the best one-to-one assignment of members to raters (Hungarian-matched IoU).

    Both are repeated to the least common multiple of their numbers. From 0 to 1, no unit.
    Arguments and errors as in `ged_squared`.

    Source: Kohl et al. 2019, arXiv:1905.13077, section 3 and appendix B.
    """
    from scipy.optimize import linear_sum_assignment  # slow to import, and no prediction needs it

    _check(members, raters, classes)
    count = math.lcm(len(members), len(raters))
    iou = _iou(members, raters, classes, regions)
    repeated = iou.repeat(count // len(members), count // len(raters)).numpy()
    rows, columns = linear_sum_assignment(repeated, maximize=True)
    return float(repeated[rows, columns].mean())


def d_max(
    members: Int[Tensor, "M *S"],
    raters: Int[Tensor, "R *P"],
    classes: int = 2,
    regions: Regions = (),
) -> float:
    """Mean over the raters of the best Dice that a member reaches.

    From 0 to 1, no unit; more members never make it worse. Arguments and errors as in
    `ged_squared`.

    Source: Rahman et al. 2023 (CIMD), arXiv:2304.04745, section 3.3.
    """
    _check(members, raters, classes)
    iou = _iou_of_each(members, raters, classes, regions)
    dice = (2 * iou / (1 + iou)).mean(dim=0)  # (M, R)
    return float(dice.amax(dim=0).mean())


def union_sensitivity(
    members: Int[Tensor, "M *S"],
    raters: Int[Tensor, "R *P"],
    classes: int = 2,
    regions: Regions = (),
) -> float:
    """Share of what any rater drew that some member drew, too; mean over the classes.

    From 0 to 1, no unit. Both unions empty gives 1, one empty gives 0. Arguments and errors as in
    `ged_squared`.

    Source: Rahman et al. 2023 (CIMD), arXiv:2304.04745, section 3.3: its combined sensitivity.
    """
    _check(members, raters, classes)
    shares = [
        Sensitivity().of_masks(inside(members, one).any(dim=0), inside(raters, one).any(dim=0))
        for one in structures(classes, regions)
    ]
    return float(torch.tensor(shares, dtype=torch.float64).mean())


def _check(members: Tensor, raters: Tensor, classes: int) -> None:
    if 0 in (len(members), len(raters)):
        raise DataError(
            f"{len(members)} members cannot be compared with {len(raters)} raters. There must be "
            "one of each at least."
        )
    check_same_grid(members.shape[1:], raters.shape[1:])
    check_labels(members, classes)
    check_labels(raters, classes)


def _iou(members: Tensor, raters: Tensor, classes: int, regions: Regions) -> Float[Tensor, "M R"]:
    """IoU of every pair, the mean over the foreground classes."""
    return _iou_of_each(members, raters, classes, regions).mean(dim=0)


def _iou_of_each(
    members: Tensor, raters: Tensor, classes: int, regions: Regions
) -> Float[Tensor, "L M R"]:
    """IoU of every pair for each structure; 1 where neither draws it; float64."""
    wanted = structures(classes, regions)
    shared = torch.zeros(len(wanted), len(members), len(raters), dtype=torch.float64)
    drawn = [
        torch.zeros(len(wanted), len(masks), 1, dtype=torch.float64) for masks in (members, raters)
    ]
    parts = (masks.flatten(1).split(VOXELS_AT_ONCE, dim=1) for masks in (members, raters))
    for part in zip(*parts, strict=True):
        for index, structure in enumerate(wanted):
            mine, yours = (inside(masks, structure).float() for masks in part)
            shared[index] += (mine @ yours.T).double()
            for total, masks in zip(drawn, (mine, yours), strict=True):
                total[index] += masks.sum(dim=1, keepdim=True).double()
    union = drawn[0] + drawn[1].transpose(1, 2) - shared
    return torch.where(union > 0, shared / union.clamp(min=1), 1.0)


def structures(classes: int, regions: Regions) -> Regions:
    """What is compared: the regions, or each foreground class alone."""
    return regions or tuple((index,) for index in range(1, classes))


def inside(labels: Tensor, structure: tuple[int, ...]) -> Tensor:
    """Voxels whose class is one of a structure's."""
    return torch.isin(labels, torch.tensor(structure, dtype=labels.dtype))
