"""The data set that corrected masks are collected in with their images.

ROOT/images/study.jpg          the image as it came; study_0000.nii.gz ... for several channels;
                           study/ for a DICOM series
ROOT/masks/study.png           the corrected mask, in the user's values and on the image's grid
ROOT/corrections/study.json    who, when, model, seed, settings; what was kept before
ROOT/corrections/earlier       masks that were replaced
ROOT/dataset.json              channels and labels of the model
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from medsegdiff.data import LabelMap
from medsegdiff.data.declaration import read_json
from medsegdiff.data.reader import plain_stem
from medsegdiff.engine.opening import open_data
from medsegdiff.errors import DataError
from medsegdiff.files import atomic_write, write_json

DETACHED = (".mhd", ".nhdr")  # headers that name a second file


def declared(root: Path, label_map: LabelMap, channel_names: Sequence[str]) -> dict[str, Any]:
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


def name_in(root: Path, name: str, digest: str) -> str:
    """A study's name in the data set: its own, or with a number where another image has that."""
    study, number = name, 2
    while _is_taken(root, study, digest):
        study, number = f"{name}-{number}", number + 1
    return study


def record_of(root: Path, study: str) -> dict[str, Any] | None:
    """What is written down of a study's correction; None if there is none."""
    file = root / "corrections" / f"{study}.json"
    return read_json(file) if file.is_file() else None


def _is_taken(root: Path, study: str, digest: str) -> bool:
    record = record_of(root, study)
    if record is not None:
        return record["input_hash"] != digest
    return study.casefold() in {
        name.casefold() for path in (root / "images").glob("*") for name in _names(path)
    }


def _names(image: Path) -> tuple[str, str]:
    """The study's name that a file may stand for: its own, and without a channel's number."""
    stem = image.name if image.is_dir() else plain_stem(image)
    return stem, re.sub(r"_\d{4}$", "", stem)


def write_images(images: Sequence[Path], folder: Path, study: str) -> list[Path]:
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


def check(root: Path, study: str, labels: Int[Tensor, "*S"]) -> None:
    """Read the study as a training would, and compare.

    Raises:
        DataError: it does not read back as it was drawn.
    """
    dataset = open_data(root)
    read = dataset.load(study).labels
    if read is None or not torch.equal(read, labels):
        raise DataError(
            "The corrected mask does not read back from the data set as it was drawn. Start the "
            "server with --keep and a new folder."
        )


def set_aside(mask: Path, root: Path, study: str) -> Path | None:
    """Copy a mask that is about to be replaced to `corrections/earlier`; None if there is none."""
    if not mask.exists():
        return None
    folder, number = root / "corrections" / "earlier", 1
    while (target := folder / f"{study}_{number}{mask.name[len(study) :]}").exists():
        number += 1
    atomic_write(target, mask.read_bytes())
    return target


def write_record(
    root: Path, study: str, record: Mapping[str, Any], replaced: Path | None = None
) -> None:
    """Write who has corrected what; what was kept before stands under `earlier`.

    Args:
        root: folder of the data set.
        study: its name there.
        record: who, when and how.
        replaced: where the mask that was kept before lies now.
    """
    before, earlier = record_of(root, study), []
    if before is not None:
        put = {} if replaced is None else {"mask": f"earlier/{replaced.name}"}
        earlier = [*before.pop("earlier", []), {**before, **put}]
    write_json(
        root / "corrections" / f"{study}.json",
        {**record, **({"earlier": earlier} if earlier else {})},
    )


def remove(paths: Sequence[Path]) -> None:
    """Delete files and folders, where they are there."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
