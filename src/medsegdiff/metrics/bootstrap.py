"""How far a mean over studies may be trusted: percentile bootstrap intervals at 95 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsegdiff.errors import DataError

BLOCK = 4_000_000  # values drawn at once, 64 MB


@dataclass(frozen=True)
class Interval:
    """A mean and the interval that holds 95 % of the resampled means.

    Args:
        mean, low, high: in the unit of the values; nan where no value is known.
        count: number of values that are known.
    """

    mean: float
    low: float
    high: float
    count: int


def bootstrap_interval(values: Sequence[float], seed: int = 0, resamples: int = 10_000) -> Interval:
    """Mean over studies with its 95 % interval, studies drawn again with replacement.

    Args:
        values: one per study; unknown ones (nan) are left out.
        seed: of the draws; the same seed and values give the same interval.
        resamples: number of resampled means.

    Source: Efron 1979, Annals of Statistics 7(1).
    """
    array = np.asarray(values, dtype=np.float64)
    known = array[~np.isnan(array)]
    if len(known) == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    low, high = np.quantile(_resampled_means(known, seed, resamples), [0.025, 0.975])
    return Interval(float(known.mean()), float(low), float(high), len(known))


def bootstrap_difference(
    values: Sequence[float], others: Sequence[float], seed: int = 0, resamples: int = 10_000
) -> Interval:
    """Mean of `values - others` over the same studies, with its 95 % interval.

    A study of which either value is unknown (nan) is left out. The difference is real, at 95 %,
    where the interval does not hold 0.

    Raises:
        DataError: the two lists differ in length, so they are not of the same studies.
    """
    if len(values) != len(others):
        raise DataError(
            f"A paired difference needs both values of each study, but there are {len(values)} "
            f"and {len(others)}. Evaluate both models on the same studies."
        )
    difference = np.asarray(values, np.float64) - np.asarray(others, np.float64)
    return bootstrap_interval(difference.tolist(), seed, resamples)


def _resampled_means(values: NDArray[np.float64], seed: int, resamples: int) -> NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    rows = max(1, BLOCK // len(values))
    means = [
        values[
            generator.integers(len(values), size=(min(rows, resamples - start), len(values)))
        ].mean(axis=1)
        for start in range(0, resamples, rows)
    ]
    return np.concatenate(means)
