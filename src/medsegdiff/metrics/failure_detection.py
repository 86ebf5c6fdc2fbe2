"""Does a quality score find the studies that went wrong? Spearman, and risk against coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsegdiff.errors import DataError

FEWEST_STUDIES = 3  # two are always in perfect order


@dataclass(frozen=True)
class RiskCoverage:
    """The mean risk of the studies that are kept, when the least trusted are left out first.

    Args:
        coverage: shares of the studies kept, 1/n to 1.
        risk: mean risk of these.
        area: under the curve: the mean of `risk`; less is better.
        best_area: that of an order by the risk itself.
        chance_area: that of an order by chance: the mean risk of all.
    """

    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    area: float
    best_area: float
    chance_area: float


def rank_correlation(scores: Sequence[float], others: Sequence[float]) -> float | None:
    """Spearman's correlation, -1 to 1; None with fewer than three studies or all scores alike.

    Source: Spearman 1904; equal scores share their mean rank.
    """
    _check(scores, others)
    if len(scores) < FEWEST_STUDIES or min(len(set(scores)), len(set(others))) < 2:
        return None
    from scipy import stats  # takes longer to import than all else here

    found = np.corrcoef(stats.rankdata(scores), stats.rankdata(others))[0, 1]
    return float(np.clip(found, -1, 1))


def risk_coverage(scores: Sequence[float], risks: Sequence[float]) -> RiskCoverage:
    """Keep the studies of the highest scores, one more at a time.

    Studies of equal scores are kept in no order: each counts with the mean of their risks.

    Args:
        scores: trust in each study, such as `quality`.
        risks: what is wrong with it, such as 1 - Dice.

    Raises:
        DataError: the two differ in length, or there is no study.

    Source: Geifman and El-Yaniv 2017, arXiv:1705.08500; Jaeger et al. 2023, arXiv:2211.15259.
    """
    _check(scores, risks)
    if not len(risks):
        raise DataError("There is no study to keep or leave out.")
    each = np.asarray(risks, dtype=np.float64)
    group = np.unique(np.asarray(scores), return_inverse=True)[1]
    shared = (np.bincount(group, each) / np.bincount(group))[group]
    kept = _kept_means(shared[np.argsort(-group, kind="stable")])
    return RiskCoverage(
        coverage=tuple((np.arange(1, len(each) + 1) / len(each)).tolist()),
        risk=tuple(kept.tolist()),
        area=float(kept.mean()),
        best_area=float(_kept_means(np.sort(each)).mean()),
        chance_area=float(each.mean()),
    )


def _kept_means(risks: NDArray[np.float64]) -> NDArray[np.float64]:
    return risks.cumsum() / np.arange(1, len(risks) + 1)


def _check(scores: Sequence[float], others: Sequence[float]) -> None:
    if len(scores) != len(others):
        raise DataError(
            f"Both values of each study are needed, but there are {len(scores)} and {len(others)}."
        )
