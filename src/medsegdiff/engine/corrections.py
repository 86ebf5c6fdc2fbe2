"""A mask that somebody has corrected is kept with its image, to be trained on."""

from __future__ import annotations

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
from medsegdiff.data.reader import read_mask
from medsegdiff.engine.correction_folder import (
    check,
    declared,
    name_in,
    record_of,
    remove,
    set_aside,
    write_images,
    write_record,
)
from medsegdiff.engine.earlier_report import REPORT_FILE
from medsegdiff.engine.file_names import mask_ending
from medsegdiff.engine.opening import images_of
from medsegdiff.errors import AlreadyKept, DataError, GridMismatch
from medsegdiff.files import write_json

ANY = "any"  # what a correction replaces that asks for nothing


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
        replaces: the time of the correction that it may replace, or `ANY`.
    """

    mask: Path
    drawn: Path
    images: Path
    out: Path
    channel_names: tuple[str, ...]
    settings: dict[str, Any]
    author: str
    note: str = ""
    replaces: str = ""


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

    What is replaced stays in `corrections/earlier`.

    Args:
        correction: what was drawn, and on what.
        root: folder of the data set; made if it is not there.

    Raises:
        AlreadyKept: there is another correction of this image than the one that it may replace.
        DataError: the mask is no mask of this image, or the data set is another's.
        GridMismatch: it lies on another grid than the image.
    """
    report = read_json(correction.out / REPORT_FILE)
    label_map = LabelMap.model_validate(report["labels"])
    labels, changed = _read(correction, label_map)
    (name,) = report["studies"]
    digest = report["studies"][name]["input_hash"]
    declaration = declared(root, label_map, correction.channel_names)
    study = name_in(root, name, digest)
    _check_replaces(root, study, correction.replaces)
    kept = Kept(
        study,
        digest,
        correction.author,
        correction.note,
        datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        changed,
        *(report[key] for key in ("model", "weights_hash", "version")),
        settings=correction.settings,
    )
    images = images_of(correction.images, len(correction.channel_names)).study_files(name).images
    written = write_images(images, root / "images", study)
    mask = root / "masks" / f"{study}{mask_ending(images[0], labels.ndim, label_map)}"
    earlier = set_aside(mask, root, study)
    try:
        write_json(root / "dataset.json", declaration)
        write_labels(mask, labels, label_map, source=images[0])
        check(root, study, labels)
    except BaseException:
        remove((*written, mask))
        if earlier is not None:
            earlier.replace(mask)
        raise
    write_record(root, study, asdict(kept), earlier)
    return kept


def _check_replaces(root: Path, study: str, replaces: str) -> None:
    before = record_of(root, study)
    if before is None or replaces in (ANY, before["time"]):
        return
    when = datetime.fromisoformat(before["time"])
    raise AlreadyKept(
        f"{before['author']} has kept a correction of this image on {when:%Y-%m-%d at %H:%M} "
        "(UTC). To keep yours in its place, send it again with replace=true; the earlier mask is "
        "put aside, not lost."
    )


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
            f"are numbered 0 to {label_map.classes - 1}. Send these numbers, not the values that "
            "the downloaded mask is written with (of a lesion 255)."
        )
    labels = torch.from_numpy(values.astype("int64"))
    return labels, int((values != before.values).sum())
