"""From a prediction to what a viewer draws: pictures of 8 bits, or volumes on one grid.

image.png  mask.png  probability_0.png ...  uncertainty.png  agreement.png  member_0.png ...

Masks and members hold class numbers, the maps 0 to 255 for 0 to 1 (the uncertainty as a share of
its largest value; the agreement is the share of members with foreground). A volume's layers are
.nii.gz: numbers of 0 to 255 likewise, and the image as it is.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from jaxtyping import Float, Integer
from PIL import Image
from torch import Tensor

from medsegdiff.data.pictures import picture
from medsegdiff.data.planes import planes
from medsegdiff.data.volumes.nifti_header import new_header
from medsegdiff.engine.outputs import StudyPrediction
from medsegdiff.files import atomic_write
from medsegdiff.types import Sample

PACKING = 1  # of 9: a viewer on this machine waits for the packing, not for the network


def write_layers(prediction: StudyPrediction, folder: Path) -> dict[str, Path]:
    """Write all layers of a prediction.

    Returns:
        The file of each layer, by its name.
    """
    is_volume = prediction.geometry.space_dims == 3
    found: dict[str, Path] = {}
    for name, values in _maps(prediction):
        found[name] = folder / f"{name}{'.nii.gz' if is_volume else '.png'}"
        write = _write_volume if is_volume else _write_picture
        write(found[name], values.numpy(), prediction)
    image = folder / ("image.nii.gz" if is_volume else "image.png")
    if is_volume:
        _write_volume(image, as_stored(prediction.image[0]), prediction)
    else:
        drawn = shown(prediction.image)
        atomic_write(image, lambda file: drawn.save(file, format="PNG"))
    return {"image": image, **found}


def probability_names(prediction: StudyPrediction) -> list[str]:
    """What each `probability_n` is of: the foreground classes, or the regions."""
    return list(prediction.label_map.structure_names)


def thumbnail(sample: Sample, side: int) -> Image.Image:
    """A small picture of a study's image; of a volume the axial plane of its first channel."""
    plane = planes(None, sample.geometry)[0]
    return shown(plane.of(sample.image if plane.axis is None else sample.image[:1]), side)


def shown(image: Float[Tensor, "C H W"], side: int | None = None) -> Image.Image:
    """An image as its user knows it: bytes stay as they are, other intensities are stretched.

    Args:
        image: stored intensities.
        side: longer side of the picture in pixels; None for the image's own.
    """
    is_bytes = len(image) in (1, 3) and float(image.min()) >= 0 and 1 < float(image.max()) <= 255
    if not is_bytes or side is not None:
        return picture(image, side)
    values = np.rint(image.numpy()).astype(np.uint8).transpose(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(values.squeeze(-1) if len(image) == 1 else values))


def as_stored(values: Float[Tensor, "*S"]) -> np.ndarray:
    """Intensities in 16 bits where that loses nothing, which halves what a page must load."""
    array = values.numpy()
    small = array.astype(np.int16) if np.abs(array).max(initial=0) < 2**15 else None
    return small if small is not None and np.array_equal(small, array) else array


def _maps(prediction: StudyPrediction) -> Iterator[tuple[str, Integer[Tensor, "*S"]]]:
    """Every layer but the image, by name."""
    coding = prediction.label_map.coding
    probability = prediction.probability[1:] if coding.is_exclusive else prediction.probability
    yield "mask", prediction.mask.to(torch.uint8)
    for number, channel in enumerate(probability):
        yield f"probability_{number}", in_bytes(channel)
    yield "uncertainty", in_bytes(prediction.uncertainty / prediction.highest_uncertainty)
    yield "agreement", in_bytes((prediction.members > 0).float().mean(dim=0))
    for number, member in enumerate(prediction.members):
        yield f"member_{number}", member.to(torch.uint8)


def in_bytes(share: Float[Tensor, "*S"]) -> Integer[Tensor, "*S"]:
    """Numbers of 0 to 1 as 0 to 255."""
    return (share.float().clamp(0, 1) * 255).round().to(torch.uint8)


def _write_picture(path: Path, values: np.ndarray, prediction: StudyPrediction) -> None:
    drawn = Image.fromarray(values)
    atomic_write(path, lambda file: drawn.save(file, format="PNG", compress_level=3))


def _write_volume(path: Path, values: np.ndarray, prediction: StudyPrediction) -> None:
    """All layers get the same plain header, whatever the study's own format is."""
    header = new_header(prediction.geometry, values)

    def packed(file: BinaryIO) -> None:
        with gzip.GzipFile("", "wb", PACKING, file, mtime=0) as content:
            content.write(header.binaryblock + bytes(4))  # four zeros: no extensions
            content.write(np.ascontiguousarray(values).data)

    atomic_write(path, packed)
