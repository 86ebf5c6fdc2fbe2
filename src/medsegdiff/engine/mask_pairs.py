"""Which predicted mask belongs to which true one, and which values stand for which class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from medsegdiff.data import Folder, LabelMap
from medsegdiff.data.declaration import Declaration, read_declaration
from medsegdiff.data.pairing import MASK_FOLDERS, by_name, image_files, paired
from medsegdiff.data.reader import read_image, read_mask
from medsegdiff.data.writer import FULL_SCALE
from medsegdiff.engine.opening import studies_of
from medsegdiff.errors import DataError, MedSegDiffError

MASKS_LOOKED_AT = 512  # enough to recognise the label values; every value is checked when compared


@dataclass(frozen=True)
class MaskPairs:
    """Two folders of masks, matched.

    Args:
        references, predictions: the masks' files by study.
        label_map, found_map: how classes are stored in the true and in the predicted masks.
        probabilities: the folder of the probabilities; None if there is none.
        missing: studies with a reference but without a prediction.
        unmatched: predictions without a reference.
        findings: what was recognised, in plain words.
    """

    references: Mapping[str, Path]
    predictions: Mapping[str, Path]
    label_map: LabelMap
    found_map: LabelMap
    probabilities: Path | None
    missing: tuple[str, ...]
    unmatched: tuple[str, ...]
    findings: tuple[str, ...]

    @property
    def studies(self) -> list[str]:
        """Names of the studies that have both masks, sorted."""
        return sorted(set(self.references) & set(self.predictions))


def find_pairs(reference: Path, prediction: Path, split: str | None = None) -> MaskPairs:
    """Match two folders of masks by name.

    Raises:
        DataError: a folder holds no mask, two files claim to be one study, no name is in both
            folders, or the values cannot be recognised.
    """
    truth_folder = next(
        (reference / one for one in MASK_FOLDERS if (reference / one).is_dir()), reference
    )
    drawn = _masks(prediction, "predicted")
    references = paired(_masks(truth_folder, "true"), by_name(drawn))
    predictions = paired(drawn, references)
    wanted = _split(reference, truth_folder, split) or set(references)
    references = {study: path for study, path in references.items() if study in wanted}
    shared = sorted(set(references) & set(predictions))
    if not shared:
        raise DataError(
            f"No mask in {prediction} has the name of one in {truth_folder} (for example "
            f"{', '.join(sorted(predictions)[:2])} and {', '.join(sorted(references)[:2])}). "
            "Masks are paired by name without ending: check the folders."
        )
    declared = _declared(reference, truth_folder)
    label_map, found_map, findings = _label_maps(
        [references[study] for study in shared], [predictions[study] for study in shared], declared
    )
    probabilities = prediction / "probabilities"
    return MaskPairs(
        references,
        predictions,
        label_map,
        found_map,
        probabilities if probabilities.is_dir() else None,
        missing=tuple(sorted(set(references) - set(predictions))),
        unmatched=tuple(sorted(set(predictions) - set(references))) if split is None else (),
        findings=tuple(findings),
    )


def read_probability(pairs: MaskPairs, study: str) -> Float[Tensor, "K H W"] | None:
    """Probabilities of a study as `predict --save-probabilities` wrote them; None without them."""
    if pairs.probabilities is None:
        return None
    name = f"{study}.png"
    single = pairs.probabilities / name
    classes = [pairs.probabilities / f"class_{k}" / name for k in range(pairs.label_map.classes)]
    files = [single] if single.is_file() else classes
    if not all(file.is_file() for file in files):
        return None
    return torch.cat([read_image(file) for file in files]) / FULL_SCALE


def _masks(folder: Path, kind: str) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder} of {kind} masks. Check the path.")
    found = image_files(folder)
    if not found:
        raise DataError(f"{folder} holds no {kind} mask (png, jpg, tif or bmp). Check the path.")
    return found


def _split(reference: Path, truth_folder: Path, split: str | None) -> set[str] | None:
    """Names in one split of the data set that the references belong to."""
    if split is None:
        return None
    for root in (reference, truth_folder.parent):
        if (root / "splits.json").is_file():
            return set(studies_of(Folder(root=root), split))
    raise DataError(f"There is no splits.json beside {truth_folder}, so {split!r} is not known.")


def _declared(reference: Path, truth_folder: Path) -> Declaration:
    """What dataset.json says of the labels, if there is one beside the masks."""
    found = (read_declaration(root / "dataset.json") for root in (reference, truth_folder.parent))
    return next((one for one in found if one.labels), Declaration())


def _label_maps(
    references: list[Path], predictions: list[Path], declared: Declaration
) -> tuple[LabelMap, LabelMap, list[str]]:
    """How the classes are stored on both sides.

    Predictions hold the references' values as a rule. Two-class masks of other values (0/1 beside
    0/255) are understood too.
    """
    keys = declared.labels, declared.label_values, declared.colors
    truth_map, findings = _recognised(references, *keys)
    if _all_encoded(predictions, truth_map):
        return truth_map, truth_map, findings
    if truth_map.classes == 2:
        found_map, _ = _recognised(predictions)
        if found_map.classes == 2:
            stored = found_map.colours or found_map.values
            note = f"The predicted masks hold {stored}, taken as background and foreground."
            return truth_map, found_map, [*findings, note]
    if not declared.labels:
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
    for path in paths[:: -(-len(paths) // MASKS_LOOKED_AT)]:
        try:
            yield read_mask(path)
        except MedSegDiffError:
            continue
