"""DICOM SEG: segmentations in one file, laid over their image by the position of each frame.

Every frame says which segment it shows and where it lies; frames come in any order, and empty ones
may have been left out. Label values are the segments' numbers; a path that leads into the file,
`seg.dcm/Liver,Tumour`, reads those as 1, 2, ... in that order. Fractional segments (probabilities)
give the likeliest label.

Source: DICOM PS3.3, A.51 (segmentation IOD) and C.8.20.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from medsegdiff.data.dicom.files import (
    ENDINGS,
    SEGMENTATION,
    is_object,
    read_dataset,
    read_object,
    reading,
)
from medsegdiff.data.dicom.frames import Frame, frame_count, frame_value, frames_of
from medsegdiff.data.dicom.pixels import check_budget, stored_frames
from medsegdiff.data.dicom.placing import Lines, lines_on, own_grid
from medsegdiff.data.dicom.selection import chosen_values, file_and_names, part_of
from medsegdiff.data.dicom.writing import write_segmentation
from medsegdiff.data.formats.format import Format, Header, Scan, StoredMask
from medsegdiff.errors import DataError, GridMismatch, UnreadableStudy
from medsegdiff.types import Geometry

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = [
    "DicomSeg",
    "part_of",
    "referenced_series",
    "segment_codes",
    "segment_names",
    "write_segmentation",
]


class DicomSeg(Format):
    """A DICOM segmentation object, or some of its segments."""

    name: Literal["dicom_seg"] = "dicom_seg"
    endings: ClassVar[tuple[str, ...]] = ENDINGS

    def claims(self, path: Path) -> bool:
        """Whether a file is a segmentation object; its header is looked at."""
        return is_object(file_and_names(path)[0], SEGMENTATION)

    def read_header(self, path: Path, budget_bytes: int) -> Header:
        path, _ = file_and_names(path)
        dataset = _dataset(path)
        with reading(path):
            check_budget(path, (frame_count(dataset), *_plane(dataset)), 1, budget_bytes, 1)
            geometry = own_grid(frames_of(dataset, path), _plane(dataset), path)
            check_budget(path, geometry.shape, 1, budget_bytes)
            return Header(geometry, 1, int(dataset.BitsStored))

    def read_image(self, path: Path, budget_bytes: int) -> Scan:
        raise DataError(
            f"{path} is a segmentation (DICOM SEG) and no image. Give the series that it was "
            "drawn on."
        )

    def read_mask(self, path: Path, budget_bytes: int, like: Geometry | None) -> StoredMask:
        path, wanted = file_and_names(path)
        header = _dataset(path)
        with reading(path):
            check_budget(path, (frame_count(header), *_plane(header)), 1, budget_bytes, 1)
            frames = frames_of(header, path)
            geometry = like or own_grid(frames, _plane(header), path)
            places = [_lines(header, frame, frames, geometry, path) for frame in frames]
            values = chosen_values(_names(header), wanted, path)
            is_fractional = header.SegmentationType == "FRACTIONAL"
            check_budget(path, geometry.shape, 3 if is_fractional else 1, budget_bytes)
            drawing = (_ShareDrawing if is_fractional else _Drawing)(geometry.shape, path)
            dataset = read_dataset(path, pixels=True)
            stored = stored_frames(dataset, path)
            for index, (lines, frame) in enumerate(zip(places, stored, strict=True)):
                for number, share in _shares(dataset, index, frame):
                    if number in values:
                        drawing.add(lines, values[number], share)
            return StoredMask(drawing.labels(), geometry)

    def write(self, path: Path, values: np.ndarray, source: Path | None) -> None:
        raise DataError(
            f"{path}: a segmentation object needs names and codes besides its mask. Write it with "
            "`write_segmentation`, or write the mask as NIfTI (.nii.gz)."
        )


def segment_names(path: Path) -> dict[int, str]:
    """Labels of a segmentation object's segments, by number.

    Raises:
        UnreadableStudy: it is no segmentation object, or damaged.
    """
    dataset = _dataset(path)
    with reading(path):
        return _names(dataset)


def segment_codes(path: Path) -> dict[str, tuple[str, str, str]]:
    """By name, what segments are in a terminology: value, scheme and meaning, where that is said.

    Segments of one name with different codes have none.

    Raises:
        UnreadableStudy: it is no segmentation object, or damaged.
    """
    dataset = _dataset(path)
    with reading(path):
        known: dict[str, set[tuple[str, str, str]]] = {}
        for item in dataset.get("SegmentSequence") or ():
            category = _code(item, "SegmentedPropertyCategoryCodeSequence")
            code = _code(item, "SegmentedPropertyTypeCodeSequence")
            if code is not None and code != category:  # which says no more than that it is one
                known.setdefault(str(item.get("SegmentLabel", "")), set()).add(code)
        return {name: codes.pop() for name, codes in known.items() if len(codes) == 1}


def referenced_series(path: Path) -> frozenset[str]:
    """Series Instance UIDs of the images that a segmentation object was drawn on.

    Raises:
        UnreadableStudy: it is no segmentation object, or damaged.
    """
    dataset = _dataset(path)
    with reading(path):
        items = dataset.get("ReferencedSeriesSequence") or ()
        return frozenset(str(item.SeriesInstanceUID) for item in items)


class _Drawing:
    """The labels of a grid, filled frame by frame with segments that are 0 or 1."""

    def __init__(self, shape: tuple[int, ...], path: Path) -> None:
        self.shape, self.path = shape, path
        self.values = np.zeros(shape if len(shape) == 3 else (1, *shape), dtype=np.int32)

    def add(self, lines: Lines, value: int, share: np.ndarray) -> None:
        """Draw one frame of a segment, shape (rows, columns)."""
        labels, mask = lines.window(self.values, share > 0, self.path)
        if np.isin(labels[mask], (0, value), invert=True).any():
            raise UnreadableStudy(
                f"{self.path} has segments that overlap, which one mask cannot hold. Read those "
                f"that exclude each other, by name: {self.path.name}/NAME,NAME."
            )
        labels[mask] = value

    def labels(self) -> np.ndarray:
        """Shape (*S)."""
        return self.values.reshape(self.shape)


class _ShareDrawing(_Drawing):
    """The labels of a grid, filled frame by frame with segments that are between 0 and 1."""

    def __init__(self, shape: tuple[int, ...], path: Path) -> None:
        super().__init__(shape, path)
        self.best = np.zeros(self.values.shape, dtype=np.float32)  # of the label in `values`
        self.total = np.zeros(self.values.shape, dtype=np.float32)

    def add(self, lines: Lines, value: int, share: np.ndarray) -> None:
        labels, part = lines.window(self.values, share, self.path)
        best, _ = lines.window(self.best, share, self.path)
        total, _ = lines.window(self.total, share, self.path)
        labels[part > best] = value
        np.maximum(best, part, out=best)
        total += part

    def labels(self) -> np.ndarray:
        """The likeliest label of each voxel, background where nothing is likelier, shape (*S)."""
        self.values[self.best < 1 - self.total] = 0
        return super().labels()


def _dataset(path: Path) -> Dataset:
    return read_object(path, SEGMENTATION, "segmentation (SEG)")


def _names(dataset: Dataset) -> dict[int, str]:
    """Labels by number; a label map's number 0 is its background."""
    segments = dataset.get("SegmentSequence") or ()
    names = {int(item.SegmentNumber): str(item.get("SegmentLabel", "")) for item in segments}
    return {number: name for number, name in names.items() if number > 0}


def _code(segment: Dataset, keyword: str) -> tuple[str, str, str] | None:
    """A code of a segment; None where a part of it is missing."""
    for item in segment.get(keyword) or ():
        given = (item.get(one) for one in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning"))
        value, scheme, meaning = (str(one or "").strip() for one in given)
        return (value, scheme, meaning) if value and scheme and meaning else None
    return None


def _plane(dataset: Dataset) -> tuple[int, int]:
    return int(dataset.Rows), int(dataset.Columns)


def _shares(dataset: Dataset, index: int, stored: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the segments that a frame shows, each with its share of every voxel, 0 to 1."""
    kind = dataset.SegmentationType
    if kind == "LABELMAP":
        for number in np.unique(stored[stored > 0]):
            yield int(number), stored == number
        return
    number = int(frame_value(dataset, index, "ReferencedSegmentNumber"))
    if kind == "FRACTIONAL":
        stored = (stored / float(dataset.MaximumFractionalValue)).astype(np.float32)
    yield number, stored


def _lines(
    dataset: Dataset, frame: Frame, frames: list[Frame], like: Geometry, path: Path
) -> Lines:
    """Where a frame lies on the grid: by position, or by the number of the frame it refers to."""
    plane = _plane(dataset)
    if like.affine is not None and frame.axes is not None:
        return lines_on(frame, plane, like, path)
    if plane != like.shape[-2:]:
        raise GridMismatch(
            f"{path} has frames of {plane[0]} x {plane[1]} voxels, but its image has "
            f"{like.shape[-2]} x {like.shape[-1]}. Give the image that it was drawn on."
        )
    start = np.array([_slice_of(dataset, frame, frames, like, path), 0, 0])
    return Lines(start, np.eye(3, dtype=int)[1:])


def _slice_of(
    dataset: Dataset, frame: Frame, frames: list[Frame], like: Geometry, path: Path
) -> int:
    """The slice that a frame belongs to, for images without a place in the patient."""
    if like.space_dims == 2:
        places = {None if f.position is None else tuple(f.position) for f in frames}
        if len(places) > 1:
            raise GridMismatch(
                f"{path} marks {len(places)} slices, but its image is a single picture. Give the "
                "image series that it was drawn on."
            )
        return 0
    item = dataset.PerFrameFunctionalGroupsSequence[frame.index]
    source = item.DerivationImageSequence[0].SourceImageSequence[0]
    return int(source.ReferencedFrameNumber) - 1
