"""Corrected masks are collected with their images, as a data set that can be trained on.

ROOT/images/study.jpg          the image as it came; study_0000.nii.gz ... for several channels;
                           study/ for a DICOM series
ROOT/masks/study.png           the corrected mask, in the user's values and on the image's grid
ROOT/corrections/study.json    who, when, model, seed, settings; what was kept before
ROOT/dataset.json              channels and labels of the model
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from medsegdiff.data import LabelMap, write_labels
from medsegdiff.data.declaration import read_json
from medsegdiff.data.geometry import same_grid
from medsegdiff.data.reader import plain_stem, read_mask
from medsegdiff.engine.earlier_report import REPORT_FILE
from medsegdiff.engine.file_names import mask_ending
from medsegdiff.engine.opening import images_of, open_data
from medsegdiff.errors import DataError, GridMismatch
from medsegdiff.files import atomic_write, write_json

DETACHED = (".mhd", ".nhdr")  # headers that name a second file


@dataclass(frozen=True)
class Correction:
    """A mask that somebody has drawn over.

    Args:
        mask: file of class numbers, on the grid of `drawn`.
        drawn: the mask that the model has drawn, as class numbers.
        images: what was predicted: an image, or the folder of one study.
        out: what the prediction has written.
        channel_names: of the model.
        settings: of the prediction.
        author: who has corrected.
        note: in the author's words.
    """

    mask: Path
    drawn: Path
    images: Path
    out: Path
    channel_names: tuple[str, ...]
    settings: dict[str, Any]
    author: str
    note: str = ""


@dataclass(frozen=True)
class Kept:
    """What `corrections/study.json` says.

    Args:
        study: its name in the data set.
        input_hash: of the decoded voxels of its image.
        author, note: as they were given.
        time: when it was kept, ISO 8601, UTC.
        changed_voxels: how many the author has changed.
        model, weights_hash, version: what had drawn the mask.
        settings: members, steps, seed and fusion.
    """

    study: str
    input_hash: str
    author: str
    note: str
    time: str
    changed_voxels: int
    model: str
    weights_hash: str
    version: str
    settings: dict[str, Any]


def keep_correction(correction: Correction, root: Path) -> Kept:
    """Add a corrected mask and its image to a data set, or replace the mask of the same image.

    Args:
        correction: what was drawn, and on what.
        root: folder of the data set; made if it is not there.

    Raises:
        DataError: the mask is no mask of this image, or the data set is another's.
        GridMismatch: it lies on another grid than the image.
    """
    report = read_json(correction.out / REPORT_FILE)
    label_map = LabelMap.model_validate(report["labels"])
    labels, changed = _read(correction, label_map)
    (name,) = report["studies"]
    digest = report["studies"][name]["input_hash"]
    declared = _declared(root, label_map, correction.channel_names)
    study = _name_in(root, name, digest)
    kept = Kept(
        study,
        digest,
        correction.author,
        correction.note,
        datetime.now(timezone.utc).isoformat(timespec="seconds"),
        changed,
        *(report[key] for key in ("model", "weights_hash", "version")),
        settings=correction.settings,
    )
    images = images_of(correction.images, len(correction.channel_names)).study_files(name).images
    written = _write_images(images, root / "images", study)
    mask = root / "masks" / f"{study}{mask_ending(images[0], labels.ndim, label_map)}"
    is_new = not mask.exists()
    try:
        write_json(root / "dataset.json", declared)
        write_labels(mask, labels, label_map, source=images[0])
        _check(root, study, labels)
    except BaseException:
        if is_new:
            _remove((*written, mask))
        raise
    _write_record(root, kept)
    return kept


def _read(correction: Correction, label_map: LabelMap) -> tuple[Int[Tensor, "*S"], int]:
    """The corrected mask as class numbers, and how many voxels were changed."""
    stored, before = read_mask(correction.mask), read_mask(correction.drawn)
    values = stored.values
    if values.ndim == 3 and stored.geometry.space_dims == 2:
        raise DataError("The mask is a coloured picture. Send class numbers as a grey PNG.")
    difference = same_grid(stored.geometry, before.geometry)
    if difference is not None:
        raise GridMismatch(
            f"The corrected mask is not on the image's grid: {difference}. Correct the mask that "
            "the model has drawn, at its own size."
        )
    if values.min() < 0 or values.max() >= label_map.classes:
        raise DataError(
            f"The corrected mask holds {values.min()} to {values.max()}, but the model's classes "
            f"are numbered 0 to {label_map.classes - 1}."
        )
    labels = torch.from_numpy(values.astype("int64"))
    return labels, int((values != before.values).sum())


def _declared(root: Path, label_map: LabelMap, channel_names: Sequence[str]) -> dict[str, Any]:
    """The data set's `dataset.json`, new or as it is.

    Raises:
        DataError: what lies there has other labels or channels.
    """
    channels = {str(number): name for number, name in enumerate(channel_names)}
    wanted = {"channel_names": channels, **label_map.declaration(), **_stored(label_map)}
    file = root / "dataset.json"
    if not file.is_file():
        if (root / "images").is_dir():
            raise DataError(
                "The folder for corrections holds images, but no dataset.json that tells what "
                "their masks mean. Start the server with --keep and a new folder."
            )
        return wanted
    there = read_json(file)
    if not isinstance(there, dict) or any(there.get(key) != wanted[key] for key in wanted):
        raise DataError(
            "The folder for corrections belongs to a model of other labels or channels. Start the "
            "server with --keep and a folder of its own for this model."
        )
    return there


def _stored(label_map: LabelMap) -> dict[str, Any]:
    """How the classes are stored, as `dataset.json` declares it."""
    if label_map.colours:
        return {"colors": dict(zip(label_map.names, map(list, label_map.colours), strict=True))}
    return {"label_values": dict(zip(label_map.names, label_map.values, strict=True))}


def _name_in(root: Path, name: str, digest: str) -> str:
    """A study's name in the data set: its own, or with a number where another image has that."""
    study, number = name, 2
    while _is_taken(root, study, digest):
        study, number = f"{name}-{number}", number + 1
    return study


def _is_taken(root: Path, study: str, digest: str) -> bool:
    record = root / "corrections" / f"{study}.json"
    if record.is_file():
        return read_json(record)["input_hash"] != digest
    return study.casefold() in {
        name.casefold() for path in (root / "images").glob("*") for name in _names(path)
    }


def _names(image: Path) -> tuple[str, str]:
    """The study's name that a file may stand for: its own, and without a channel's number."""
    stem = image.name if image.is_dir() else plain_stem(image)
    return stem, re.sub(r"_\d{4}$", "", stem)


def _write_images(images: Sequence[Path], folder: Path, study: str) -> list[Path]:
    """Copy the files of a study as they are; gives those that were not there before."""
    written = []
    for number, image in enumerate(images):
        ending = _ending(image)
        channel = f"_{number:04d}" if len(images) > 1 else ""
        target = folder / f"{study}{channel}{ending}"
        if target.exists():
            continue
        written.append(target)
        if image.is_dir():
            shutil.copytree(image, target)
        else:
            atomic_write(target, image.read_bytes())
    return written


def _ending(image: Path) -> str:
    """The ending of an image's name; a folder, and DICOM without any, gets what it needs.

    Raises:
        DataError: a second file goes with it.
    """
    if image.is_dir():
        return ""
    lower = image.name.lower()
    if lower.endswith(DETACHED):
        raise DataError(
            "This image is a header with its voxels in a second file. To keep a correction, upload "
            "it as one file (.nrrd, .mha or .nii.gz)."
        )
    if lower.endswith(".nii.gz"):
        return image.name[-len(".nii.gz") :]
    known = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".nii", ".nrrd", ".mha")
    return image.suffix if lower.endswith(known) else ".dcm"


def _check(root: Path, study: str, labels: Int[Tensor, "*S"]) -> None:
    """Read the study as a training would, and compare."""
    dataset = open_data(root)
    read = dataset.load(study).labels
    if read is None or not torch.equal(read, labels):
        raise DataError(
            "The corrected mask does not read back from the data set as it was drawn. Start the "
            "server with --keep and a new folder."
        )


def _write_record(root: Path, kept: Kept) -> None:
    file = root / "corrections" / f"{kept.study}.json"
    earlier: list[Any] = []
    if file.is_file():
        before = read_json(file)
        earlier = [*before.pop("earlier", []), before]
    write_json(file, {**asdict(kept), **({"earlier": earlier} if earlier else {})})


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
