"""Which predicted mask belongs to which true one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from medsegdiff.data import Folder, LabelMap
from medsegdiff.data.declaration import Declaration, read_declaration
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.folder_tree import some
from medsegdiff.data.pairing import MASK_FOLDERS, by_name, image_files, paired
from medsegdiff.data.reader import read_image
from medsegdiff.data.recognition import recognised
from medsegdiff.data.writer import FULL_SCALE
from medsegdiff.engine.file_names import channel_names
from medsegdiff.engine.mask_files import DrawnMask, read_drawn
from medsegdiff.engine.mask_values import recognised_values
from medsegdiff.engine.opening import open_data, studies_of
from medsegdiff.errors import DataError

LABEL_FOLDERS = ("labelsTs", "labelsTr")  # of nnU-Net and the Decathlon


@dataclass(frozen=True)
class MaskPairs:
    """Two folders of masks, matched.

    Args:
        references, predictions: the masks' files by study.
        dataset: the data set that the references belong to, where its layout is needed to read
            them; None for a plain folder of masks.
        label_map, found_map: how classes are stored in the true and in the predicted masks.
        probabilities: the folder of the probabilities; None if there is none.
        missing: studies with a reference but without a prediction.
        unmatched: predictions without a reference.
        without_truth: studies of the wanted split without a reference, predicted or not.
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
    dataset: FileDataset | None = None
    without_truth: tuple[str, ...] = ()

    @property
    def studies(self) -> list[str]:
        """Names of the studies that have both masks, sorted."""
        return sorted(set(self.references) & set(self.predictions))


def find_pairs(reference: Path, prediction: Path, split: str | None = None) -> MaskPairs:
    """Match two folders of masks by name.

    Args:
        reference: a folder of masks, one with `masks/`, `gt/`, `labelsTs/` or `labelsTr/` in it, or
            a data set in any layout.
        prediction: a folder of masks.
        split: only the studies of this split of the data set.

    Raises:
        DataError: a folder holds no mask, two files claim to be one study, no name is in both
            folders, no study of the split has a true mask, or the values cannot be recognised.
    """
    drawn = _masks(prediction, "predicted")
    names = by_name(drawn)
    truth_folder = _truth_folder(reference, names.keys(), split)
    dataset = None if truth_folder is not None else open_data(reference)
    wanted = _split(reference, truth_folder, dataset, split)
    if dataset is None:
        known_names = names.keys() | (wanted or set())
        references = paired(_masks(truth_folder or reference, "true"), known_names)
    else:
        references = {study: _truth_file(dataset, study) for study in dataset.annotated_ids()}
    predictions = paired(drawn, references.keys() | (wanted or set()))
    if wanted is not None:
        references = {study: path for study, path in references.items() if study in wanted}
        _check_annotated(references, wanted, split, truth_folder or reference)
    shared = sorted(set(references) & set(predictions))
    if not shared:
        raise DataError(
            _nothing_shared(references, predictions, truth_folder or reference, prediction)
        )
    unmatched = set(predictions) - set(references)
    paired_files = [references[one] for one in shared], [predictions[one] for one in shared]
    declared = Declaration() if truth_folder is None else _declared(reference, truth_folder)
    known = None if dataset is None else dataset.label_map
    label_map, found_map, findings = recognised_values(*paired_files, declared, known)
    probabilities = prediction / "probabilities"
    return MaskPairs(
        references,
        predictions,
        label_map,
        found_map,
        probabilities if probabilities.is_dir() else None,
        missing=tuple(sorted(set(references) - set(predictions))),
        unmatched=tuple(sorted(unmatched if wanted is None else unmatched & wanted)),
        findings=tuple(findings),
        dataset=dataset,
        without_truth=tuple(sorted((wanted or set()) - set(references))),
    )


def _check_annotated(
    references: Collection[str], wanted: Collection[str], split: str | None, place: Path
) -> None:
    """Refuse a split of which no study has a true mask."""
    if not references:
        raise DataError(
            f"No study of the split {split!r} ({some(sorted(wanted))}) has a true mask in {place}. "
            "Put masks of the same names there, or choose another split."
        )


def read_truth(pairs: MaskPairs, study: str) -> DrawnMask:
    """Read the true mask of a study.

    Raises:
        DataError: it cannot be read, or holds a value of no class; names the file.
    """
    if pairs.dataset is None:
        return read_drawn(pairs.references[study], pairs.label_map)
    sample = pairs.dataset.load(study)
    assert sample.labels is not None  # the study is among the annotated ones
    return DrawnMask(pairs.references[study], sample.labels, sample.geometry)


def read_probability(pairs: MaskPairs, study: str) -> Float[Tensor, "K *S"] | None:
    """Probabilities of a study as `predict --save-probabilities` wrote them; None without them."""
    if pairs.probabilities is None:
        return None
    mask = pairs.predictions[study]
    folders = [pairs.probabilities / name for name in channel_names(pairs.label_map)]
    for name in (mask.name, mask.with_suffix(".png").name, f"{study}.png"):
        single = pairs.probabilities / name
        files = [single] if single.is_file() else [folder / name for folder in folders]
        if all(file.is_file() for file in files):
            return torch.cat([read_map(file) for file in files])
    return None


def read_map(path: Path) -> Float[Tensor, "1 *S"]:
    """Numbers of 0 to 1 as `write_map` stores them: of 16 bits in a png, else as they are."""
    values = read_image(path).image
    return values / FULL_SCALE if path.suffix.lower() == ".png" else values


def _truth_folder(reference: Path, studies: Set[str], split: str | None) -> Path | None:
    """The folder of the true masks; None where a layout must be understood to find them.

    A split may have its masks in any of several folders.
    """
    names = (*MASK_FOLDERS, *LABEL_FOLDERS)
    inside = [reference / name for name in names if (reference / name).is_dir()]
    filled = [folder for folder in inside if mask_files(folder)]
    if len(filled) > 1 and split is not None:
        return None
    if filled:
        return max(filled, key=lambda one: len(paired(mask_files(one), studies).keys() & studies))
    if not reference.is_dir() or not (files := mask_files(reference)) or _has_layout(reference):
        return None
    is_matched = not studies.isdisjoint(paired(files, studies))
    return reference if is_matched or not any(one.is_dir() for one in reference.iterdir()) else None


def _has_layout(reference: Path) -> bool:
    """Whether images lie beside what outlines them, so that the files are no masks (as in DDTI)."""
    layout = recognised(reference)
    if layout is Folder:
        return False
    try:
        return bool(layout.model_validate({"root": reference}).annotated_ids())
    except DataError:  # a folder of segmentations alone
        return False


def _truth_file(dataset: FileDataset, study: str) -> Path:
    """The file that names a study's truth: its mask, or its image where raters stand for it."""
    files = dataset.study_files(study)
    return files.mask or files.images[0]


def mask_files(folder: Path) -> list[Path]:
    """The masks of a folder; a folder in it is never one, though it may hold a series."""
    return [path for path in image_files(folder) if path.is_file()]


def _masks(folder: Path, kind: str) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder} of {kind} masks. Check the path.")
    found = mask_files(folder)
    if not found:
        raise DataError(f"{folder} holds no {kind} mask. Check the path.")
    return found


def _nothing_shared(
    references: Collection[str], predictions: Collection[str], truth: Path, prediction: Path
) -> str:
    """Why no true mask belongs to a predicted one."""
    if not references:
        return (
            f"There is no true mask in {truth}. Give a folder of masks, or a data set with masks."
        )
    return (
        f"No mask in {prediction} has the name of one in {truth} (for example "
        f"{', '.join(sorted(predictions)[:2])} and {', '.join(sorted(references)[:2])}). Masks are "
        "paired by name without ending: check the folders."
    )


def _split(
    reference: Path, truth_folder: Path | None, dataset: FileDataset | None, split: str | None
) -> set[str] | None:
    """Names in one split of the data set that the references belong to."""
    if split is None:
        return None
    if dataset is not None:
        return set(studies_of(dataset, split))
    for root in (reference, (truth_folder or reference).parent):
        if (root / "splits.json").is_file():
            return set(studies_of(open_data(root), split))
    raise DataError(f"There is no splits.json beside {truth_folder}, so {split!r} is not known.")


def _declared(reference: Path, truth_folder: Path) -> Declaration:
    """What dataset.json says of the labels, if there is one beside the masks."""
    found = (read_declaration(root / "dataset.json") for root in (reference, truth_folder.parent))
    return next((one for one in found if one.labels), Declaration())
