"""A small data set five times over, for a cross-validation of what is not tested on.

    python benchmarks/folds.py DATA OUT

OUT/NAME_fold_0 to _4 link to the images and masks of DATA and have splits of their own: together
they validate every study of its train and val once, and none of its test. A grid takes OUT as its
data root.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

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
    words = given.parse_args()
    try:
        for made in write_folds(words.data, words.out):
            print(made)
    except MedSegDiffError as error:
        sys.exit(f"folds.py: {error}")


def write_folds(source: Path, out: Path, n: int = FOLDS) -> list[Path]:
    """Write the data set of each fold; whole patients at a time, the same on every machine.

    Raises:
        DataError: the data set declares no splits, or has too few patients.
    """
    dataset = Folder(root=source)
    declared = dataset.declared_splits()
    if declared is None:
        raise DataError(f"{source} has no splits.json, so it is not known what is tested on.")
    usable = (*declared.train, *declared.val)
    return [
        _write_fold(source, out / f"{source.resolve().name}_fold_{number}", splits)
        for number, splits in enumerate(folds(usable, dataset.group, n))
    ]


def _write_fold(source: Path, folder: Path, splits: Splits) -> Path:
    folder.mkdir(parents=True)
    for part in source.iterdir():
        if part.name != "splits.json":
            (folder / part.name).symlink_to(part.resolve(), target_is_directory=part.is_dir())
    (folder / "splits.json").write_text(splits.model_dump_json(), encoding="utf-8")
    return folder


if __name__ == "__main__":
    main()
