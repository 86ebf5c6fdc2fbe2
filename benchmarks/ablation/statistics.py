"""Means over seeds and studies, with intervals that know of both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medsegdiff.metrics import Interval

RESAMPLES = 10_000
Values = NDArray[np.float64]  # (seeds, studies)


def resampled(values: Values, seed: int = 0) -> Values:
    """Means of tables in which seeds and studies are drawn anew, each with replacement.

    A drawn study is the same in all seeds, so a hard study or a lucky seed moves its whole column
    or row. With a single seed this is the bootstrap of `medsegdiff.metrics.bootstrap`.

    Args:
        values: one for each seed and study; unknown ones (nan) are left out of the means.
        seed: of the draws.

    Returns:
        One mean for each table, shape (RESAMPLES,).

    Source: Owen 2007, Annals of Applied Statistics 1(2), the pigeonhole bootstrap.
    """
    generator = np.random.default_rng(seed)
    seeds, studies = values.shape
    known, filled = ~np.isnan(values), np.nan_to_num(values)
    rows = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=RESAMPLES)
    columns = generator.multinomial(studies, np.full(studies, 1 / studies), size=RESAMPLES)
    sums = np.einsum("bi,ij,bj->b", rows, filled, columns, optimize=True)
    counts = np.einsum("bi,ij,bj->b", rows, known.astype(np.float64), columns, optimize=True)
    return sums / np.where(counts > 0, counts, np.nan)


def interval(values: Values) -> Interval:
    """Mean over seeds and studies with its 95 % interval."""
    return over_sets([values])


def over_sets(sets: Sequence[Values]) -> Interval:
    """Mean over data sets, each with the same weight, with its 95 % interval."""
    if not sets or any(np.isnan(one).all() for one in sets):
        return Interval(np.nan, np.nan, np.nan, 0)
    mean = np.mean([np.nanmean(one) for one in sets])
    draws = np.mean([resampled(one, number) for number, one in enumerate(sets)], axis=0)
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Interval(float(mean), float(low), float(high), sum(one.size for one in sets))
