"""Which predicted mask belongs to which true one, and which values stand for which class."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from medsegdiff.data import Folder, LabelMap
from medsegdiff.data.pairing import MASK_FOLDERS, MASK_SUFFIXES
from medsegdiff.data.reader import is_image_file, read_image, read_mask
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
    references = _masks(truth_folder, "true")
    predictions = _masks(prediction, "predicted")
    predictions = {_matched(stem, references): path for stem, path in predictions.items()}
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


def _masks(folder: Path, kind: str) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder} of {kind} masks. Check the path.")
    found: dict[str, Path] = {}
    for path in sorted(one for one in folder.iterdir() if one.is_file() and is_image_file(one)):
        if path.stem in found:
            raise DataError(
                f"{found[path.stem]} and {path.name} would both be study {path.stem!r}. Remove "
                "one or rename it."
            )
        found[path.stem] = path
    if not found:
        raise DataError(f"{folder} holds no {kind} mask (png, jpg, tif or bmp). Check the path.")
    return _without_suffix(found)


def _without_suffix(found: Mapping[str, Path]) -> dict[str, Path]:
    """Names without `_mask` and the like, where that leaves them different."""
    bare = {_bare(stem): path for stem, path in found.items()}
    return bare if len(bare) == len(found) else dict(found)


def _bare(stem: str) -> str:
    suffix = next((one for one in MASK_SUFFIXES if stem.lower().endswith(one)), "")
    return stem[: len(stem) - len(suffix)]


def _matched(stem: str, references: Mapping[str, Path]) -> str:
    """The reference's name for a prediction: the same, or the same without its suffix."""
    return stem if stem in references else _bare(stem)


def _split(reference: Path, truth_folder: Path, split: str | None) -> set[str] | None:
    """Names in one split of the data set that the references belong to."""
    if split is None:
        return None
    for root in (reference, truth_folder.parent):
        if (root / "splits.json").is_file():
            return set(studies_of(Folder(root=root), split))
    raise DataError(f"There is no splits.json beside {truth_folder}, so {split!r} is not known.")


def _declared(reference: Path, truth_folder: Path) -> dict[str, Any]:
    """What dataset.json says of the labels, if there is one beside the masks."""
    for root in (reference, truth_folder.parent):
        path = root / "dataset.json"
        if not path.is_file():
            continue
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise DataError(f"{path} is not valid JSON: {error}.") from None
        if isinstance(content, dict) and content.get("labels"):
            return content
    return {}


def _label_maps(
    references: list[Path], predictions: list[Path], declared: Mapping[str, Any]
) -> tuple[LabelMap, LabelMap, list[str]]:
    """How the classes are stored on both sides.

    Predictions hold the references' values as a rule. Two-class masks of other values (0/1 beside
    0/255) are understood too.
    """
    keys = declared.get("labels"), declared.get("label_values"), declared.get("colors")
    truth_map, findings = _recognised(references, *keys)
    if _all_encoded(predictions, truth_map):
        return truth_map, truth_map, findings
    if truth_map.classes == 2:
        found_map, _ = _recognised(predictions)
        if found_map.classes == 2:
            stored = found_map.colours or found_map.values
            note = f"The predicted masks hold {stored}, taken as background and foreground."
            return truth_map, found_map, [*findings, note]
    if not declared:
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
