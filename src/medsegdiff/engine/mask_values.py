"""Which values stand for which class in two folders of masks that are compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from medsegdiff.data import LabelMap
from medsegdiff.data.declaration import Declaration
from medsegdiff.engine.mask_files import read_stored
from medsegdiff.errors import DataError, MedSegDiffError

MASKS_LOOKED_AT = 512  # enough to recognise the label values; every value is checked when compared
VOXELS_LOOKED_AT = 2**27  # of volumes, likewise: 15 of 240 x 240 x 155


def recognised_values(
    references: list[Path],
    predictions: list[Path],
    declared: Declaration,
    known: LabelMap | None = None,
) -> tuple[LabelMap, LabelMap, list[str]]:
    """How the classes are stored on both sides.

    Predictions hold the references' values as a rule. Two-class masks of other values (0/1 beside
    0/255) are understood too.

    Args:
        references: the true masks.
        predictions: the predicted ones.
        declared: what the data set says.
        known: how the true masks are stored, where that is known already.

    Returns:
        Of the true masks, of the predicted ones, and in plain words what was recognised.

    Raises:
        DataError: the masks do not hold what is declared, or look like pictures.
    """
    truth_map, findings = (known, []) if known else _recognised(references, *declared.of_labels)
    if _all_encoded(predictions, truth_map):
        return truth_map, truth_map, findings
    if truth_map.classes == 2:
        found_map, _ = _recognised(predictions)
        if found_map.classes == 2:
            stored = found_map.colours or found_map.values
            note = f"The predicted masks hold {stored}, taken as background and foreground."
            return truth_map, found_map, [*findings, note]
    if not declared.labels and known is None:
        both, findings = _recognised([*references, *predictions])
        return both, both, findings
    return truth_map, truth_map, findings  # each mask with a strange value is named on its own


def _recognised(paths: list[Path], *declared: Any) -> tuple[LabelMap, list[str]]:
    try:
        return LabelMap.recognise(_raw(paths), *declared)
    except DataError as error:
        raise DataError(f"The masks in {paths[0].parent} cannot be compared: {error}") from None


def _all_encoded(paths: Iterable[Path], label_map: LabelMap) -> bool:
    exact = label_map.model_copy(update={"is_noisy": False})
    try:
        for raw in _raw(list(paths)):
            exact.encode(raw)
    except DataError:
        return False
    return True


def _raw(paths: list[Path]) -> Iterator[np.ndarray]:
    """Stored values of some masks, evenly spread; an unreadable one is named when compared."""
    voxels = 0
    for path in paths[:: -(-len(paths) // MASKS_LOOKED_AT)]:
        try:
            stored = read_stored(path)
        except MedSegDiffError:
            continue
        yield stored.values
        voxels += stored.values.size if stored.geometry.space_dims > 2 else 0
        if voxels > VOXELS_LOOKED_AT:
            return
