"""How far apart the levels of members should lie: draws without tails, and their spread.

    python benchmarks/tails.py DATA [DATA ...] --default RUN ... [-o tails.json]

DATA and RUN as for `benchmarks/raters.py`, whose first row this measures again for each pair of
`PAIRS`, on the validation split. The program leaves out the outermost `TAIL` of the draws on either
side (`ensemble/levels.py`); here that constant is another for as long as a pair is measured.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from unittest.mock import patch

from ablation.statistics import interval
from raters import MEASURES, check_number, figures_of, samples_of, spread_members
from result_file import keep, typed

from medsegdiff.ensemble import levels
from medsegdiff.errors import MedSegDiffError

PAIRS = ((0.0, 0.75), (0.0, 1.0), (0.05, 0.5), (0.05, 0.75), (0.05, 1.0), (0.1, 1.0))


def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--default", nargs="+", metavar="RUN", required=True)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    found = []
    try:
        check_number(given.default, len(given.data))
        folds = [samples_of(data, "val") for data in given.data]
        for tail, spread in PAIRS:
            with patch.object(levels, "TAIL", tail):
                figures = figures_of(spread_members, given.default, folds, spread)
            means = {name: asdict(interval(figures[..., k])) for k, name in enumerate(MEASURES)}
            found.append({"tail": tail, "spread": spread, **means})
    except MedSegDiffError as error:
        sys.exit(f"tails.py: {error}")
    keep(given.output, typed(), {"split": "val", "rows": found})


if __name__ == "__main__":
    main()
