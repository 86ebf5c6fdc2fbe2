"""A small data set five times over, for a cross-validation of what is not tested on.

    python benchmarks/folds.py DATA OUT [--declare JSON]

OUT/NAME_fold_0 to _4 link to the images and masks of DATA and have splits of their own: together
they validate every study of its train and val once, and none of its test. What is declared
replaces keys of its dataset.json, such as labels by regions. A grid takes OUT as its data root.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redeclared import redeclared

from medsegdiff.data import Folder, Splits, folds
from medsegdiff.errors import DataError, MedSegDiffError

FOLDS = 5


def main() -> None:
    """Read the command line and write the folders."""
    given = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    given.add_argument("data", type=Path)
    given.add_argument("out", type=Path)
    given.add_argument("--declare", type=json.loads, default={}, metavar="JSON")
    words = given.parse_args()
    try:
        for made in write_folds(words.data, words.out, words.declare):
            print(made)
    except MedSegDiffError as error:
        sys.exit(f"folds.py: {error}")


def write_folds(source: Path, out: Path, declared: Mapping[str, Any]) -> list[Path]:
    """Write the data set of each fold; whole patients at a time, the same on every machine.

    Args:
        source: the data set.
        out: where the folders are made.
        declared: replaces keys of its dataset.json.

    Raises:
        DataError: the data set declares no splits, or has too few patients.
    """
    dataset = Folder(root=source)
    splits = dataset.declared_splits()
    if splits is None:
        raise DataError(f"{source} has no splits.json, so it is not known what is tested on.")
    usable = (*splits.train, *splits.val)
    return [
        _write_fold(source, out / f"{source.resolve().name}_fold_{number}", fold, declared)
        for number, fold in enumerate(folds(usable, dataset.group, FOLDS))
    ]


def _write_fold(source: Path, folder: Path, splits: Splits, declared: Mapping[str, Any]) -> Path:
    redeclared(source, folder, declared)
    (folder / "splits.json").write_text(splits.model_dump_json(), encoding="utf-8")
    return folder


if __name__ == "__main__":
    main()
