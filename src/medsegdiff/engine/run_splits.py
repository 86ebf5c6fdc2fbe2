"""Which studies a fold trains on and which it validates on."""

from __future__ import annotations

from typing import Literal

from medsegdiff.data import Dataset, Splits, folds, seeded_splits
from medsegdiff.errors import ConfigError, DataError

Fold = int | Literal["all"]
FOLDS = 5
VALIDATION_SHARE = 0.15


def splits_of(dataset: Dataset, fold: Fold, seed: int) -> Splits:
    """The splits of one fold; no patient is torn apart, a declared test split is never touched.

    Fold 0 of a data set that declares its own splits is those. Other folds, and sets without
    splits, are divided into five by the seed (into two, where there are too few patients for
    five). "all" trains on everything but the test split and validates on the validation part of
    fold 0, so its validation figures are too good.

    Raises:
        DataError: there are no masks, or too few patients.
        ConfigError: no such fold.
    """
    annotated = dataset.annotated_ids()
    if not annotated:
        raise DataError(
            "No study has a mask, so there is nothing to learn from. Put masks of the same names "
            "as the images into a folder `masks` beside `images`; in a tree of DICOM series, "
            "a DICOM SEG or RTSTRUCT anywhere."
        )
    declared = dataset.declared_splits()
    test = declared.test if declared else ()
    usable = [study for study in annotated if study not in set(test)]
    first = _first_fold(dataset, declared, usable, seed)
    if fold == "all":
        return Splits(train=tuple(usable), val=first.val, test=test)
    if fold == 0:
        return first.model_copy(update={"test": test})
    if not 0 < fold < FOLDS:
        raise ConfigError(f"There is no fold {fold}: choose 0 to {FOLDS - 1} or all.")
    return folds(usable, dataset.group, FOLDS, seed)[fold].model_copy(update={"test": test})


def every_fold(dataset: Dataset, seed: int) -> list[Splits]:
    """The splits of all folds: five, or one where there are too few patients for five.

    Raises:
        DataError: there are no masks, or too few patients even for one.
    """
    first = splits_of(dataset, 0, seed)
    patients = {dataset.group(study) for study in (*first.train, *first.val)}
    others = range(1, FOLDS) if len(patients) >= FOLDS else ()
    return [first, *(splits_of(dataset, fold, seed) for fold in others)]


def _first_fold(dataset: Dataset, declared: Splits | None, usable: list[str], seed: int) -> Splits:
    if declared:
        known = set(usable)
        train, val = (
            tuple(study for study in split if study in known)
            for split in (declared.train, declared.val)
        )
        if train and val:
            return Splits(train=train, val=val)
    if len({dataset.group(study) for study in usable}) < FOLDS:
        return seeded_splits(usable, dataset.group, seed, val=VALIDATION_SHARE)
    return folds(usable, dataset.group, FOLDS, seed)[0]
