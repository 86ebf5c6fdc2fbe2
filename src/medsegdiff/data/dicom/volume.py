"""One DICOM image as its headers declare it: which frames, in which order, on which grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medsegdiff.data.dicom.files import is_image, read_dataset, reading
from medsegdiff.data.dicom.frames import Frame, frame_count, frames_of
from medsegdiff.data.dicom.pixels import channel_count, check_budget
from medsegdiff.data.dicom.series import headers_by_series, series_in
from medsegdiff.data.dicom.stack import stacked
from medsegdiff.errors import UnreadableStudy
from medsegdiff.types import Geometry

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class Volume:
    """What the headers of one image say together.

    Args:
        headers: of its files, without pixels.
        frames: in the order of their slices.
        geometry: the grid.
        channels: 1 for grey, 3 for colour.
        bits: stored per value, the most of any file.
        modality: as "CT".
    """

    headers: Mapping[Path, Dataset]
    frames: Sequence[Frame]
    geometry: Geometry
    channels: int
    bits: int
    modality: str


def declared(path: Path, budget_bytes: int) -> Volume:
    """Read and compare the headers of an image's files; nothing is decoded.

    Raises:
        UnreadableStudy: the files do not make up one image.
        ResourceError: it would be larger than the budget.
    """
    headers = _one_series(path) if path.is_dir() else {path: read_dataset(path)}
    with reading(path):
        kinds = {_kind(file, header) for file, header in headers.items()}
        if len(kinds) > 1:
            raise UnreadableStudy(
                f"{path} holds pictures of several sizes or kinds: "
                f"{', '.join(sorted(f'{k[0]} x {k[1]} with {k[2]} channel(s)' for k in kinds))}. "
                "Put those of one kind into a folder of their own."
            )
        rows, columns, channels, _ = kinds.pop()
        bits = max(_bits(header) for header in headers.values())
        count = sum(map(frame_count, headers.values()))
        check_budget(path, (count, rows, columns), channels, budget_bytes)
        frames = [frame for file in headers for frame in _frames(headers[file], file)]
        ordered, geometry = stacked(frames, (rows, columns), path)
        modality = str(next(iter(headers.values())).get("Modality") or "")
    return Volume(headers, ordered, geometry, channels, bits, modality)


def _frames(dataset: Dataset, path: Path) -> list[Frame]:
    with reading(path):
        return frames_of(dataset, path)


def _one_series(folder: Path) -> dict[Path, Dataset]:
    found = headers_by_series(folder)
    if len(found) > 1:
        listed = "; ".join(series.description for series in series_in(folder))
        raise UnreadableStudy(
            f"{folder} holds {len(found)} series: {listed}. Put each into a folder of its own."
        )
    if not found:
        raise UnreadableStudy(f"{folder} holds no DICOM pictures. Check the name.")
    return next(iter(found.values()))


def _kind(path: Path, dataset: Dataset) -> tuple[int, int, int, str]:
    """Rows, columns, channels and sense of grey of a file."""
    if not is_image(dataset):
        raise UnreadableStudy(
            f"{path} is a DICOM object without a picture, a segmentation or a dose. Give the "
            "image series."
        )
    with reading(path):
        channels = channel_count(dataset, path)
    sense = str(dataset.PhotometricInterpretation) if channels == 1 else ""
    return int(dataset.Rows), int(dataset.Columns), channels, sense


def _bits(dataset: Dataset) -> int:
    return int(dataset.get("BitsStored") or dataset.BitsAllocated)
