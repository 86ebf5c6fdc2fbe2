"""Which studies a fold trains on and which it validates on."""

from __future__ import annotations

from typing import Literal

from medsegdiff.data import Dataset, Splits, folds, seeded_splits
from medsegdiff.data.folder_tree import some
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
        raise DataError(_no_masks(dataset))
    declared = dataset.declared_splits()
    test = declared.test if declared else ()
    usable = [study for study in annotated if study not in set(test)]
    if fold != "all" and not 0 <= fold < FOLDS:
        raise ConfigError(f"There is no fold {fold}: choose 0 to {FOLDS - 1} or all.")
    try:
        divided = _divided(dataset, declared, usable, fold, seed)
    except DataError as error:
        raise DataError(f"{error} {left_out(dataset)}".rstrip()) from None
    return divided.model_copy(update={"test": test})


def _no_masks(dataset: Dataset) -> str:
    """Where masks are looked for; no path, for folders of DICOM series bear patients' names."""
    astray = list(dataset.masks_without_image)
    other = f" There are masks of other names: {some(astray)}." if astray else ""
    return (
        f"No study has a mask, so there is nothing to learn from.{other} Put masks of the "
        "same names as the images into a folder `masks` beside `images`, and give the folder that "
        "holds both; in a tree of DICOM series, a DICOM SEG or RTSTRUCT anywhere."
    )


def left_out(dataset: Dataset) -> str:
    """A sentence on the studies that nothing is learned from, as they have no mask; or nothing.

    Studies that are tested on count as such, and not as left out.

    Raises:
        DataError: the splits that come with the data set cannot be used.
    """
    splits = dataset.declared_splits(is_checked=False)
    known = {*dataset.annotated_ids(), *(splits.test if splits else ())}
    missing = [study for study in dataset.ids() if study not in known]
    return f"Without a mask, and so left out of training: {some(missing)}." if missing else ""


def every_fold(dataset: Dataset, seed: int) -> list[Splits]:
    """The splits of all folds: five, or one where there are too few patients for five.

    Raises:
        DataError: there are no masks, or too few patients even for one.
    """
    first = splits_of(dataset, 0, seed)
    patients = {dataset.group(study) for study in (*first.train, *first.val)}
    others = range(1, FOLDS) if len(patients) >= FOLDS else ()
    return [first, *(splits_of(dataset, fold, seed) for fold in others)]


def _divided(
    dataset: Dataset, declared: Splits | None, usable: list[str], fold: Fold, seed: int
) -> Splits:
    """The studies to train on and to validate on.

    Raises:
        DataError: there are too few patients.
    """
    if isinstance(fold, int) and fold > 0:
        return folds(usable, dataset.group, FOLDS, seed)[fold]
    first = _first_fold(dataset, declared, usable, seed)
    return first if fold == 0 else first.model_copy(update={"train": tuple(usable)})


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
