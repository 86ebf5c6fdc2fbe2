"""DICOM RT structure sets: outlines drawn on the slices of an image, read as its mask.

Closed outlines are filled by the even-odd rule at voxel centres, each on the slice on which it was
drawn; nothing is interpolated between slices. Points and open lines outline nothing and are left
out. Label values are the structures' numbers; a path that leads into the file,
`rtstruct.dcm/Liver,Tumour`, reads those as 1, 2, ... in that order.

Source: DICOM PS3.3, A.19 (RT structure set IOD), C.8.8.5 and C.8.8.6.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from medsegdiff.data.dicom.contours import crossings, inside
from medsegdiff.data.dicom.files import ENDINGS, STRUCTURE_SET, is_object, read_object, reading
from medsegdiff.data.dicom.pixels import check_budget
from medsegdiff.data.dicom.selection import chosen_values, file_and_names
from medsegdiff.data.formats.format import StoredMask
from medsegdiff.data.formats.outlines import OutlineFormat, without_grid
from medsegdiff.data.geometry import LPS_TO_RAS
from medsegdiff.errors import GridMismatch, UnreadableStudy
from medsegdiff.types import Geometry

if TYPE_CHECKING:
    from pydicom import Dataset

CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
DECIMALS = 6  # of a voxel: corners on voxel centres stay there
ON_SLICE_WITHIN = 0.1  # of the distance between slices; planning systems round positions


class RTStruct(OutlineFormat):
    """A DICOM RT structure set, or some of its structures."""

    name: Literal["rtstruct"] = "rtstruct"
    endings: ClassVar[tuple[str, ...]] = ENDINGS

    def claims(self, path: Path) -> bool:
        """Whether a file is a structure set; its header is looked at."""
        return is_object(file_and_names(path)[0], (STRUCTURE_SET,))

    def read_mask(self, path: Path, budget_bytes: int, like: Geometry | None) -> StoredMask:
        path, wanted = file_and_names(path)
        if like is None or like.affine is None or like.space_dims != 3:
            raise without_grid(path)
        check_budget(path, like.shape, 1, budget_bytes)
        dataset = _dataset(path)
        labels = np.zeros(like.shape, dtype=np.int32)
        with reading(path):
            names = _names(dataset)
            values = chosen_values(names, wanted, path)
            for item in dataset.get("ROIContourSequence") or ():
                number = int(item.ReferencedROINumber)
                if number in values:
                    _draw(labels, values[number], _slices(item, like, path), path)
        return StoredMask(labels, like)


def roi_names(path: Path) -> dict[int, str]:
    """Names of a structure set's structures, by number.

    Raises:
        UnreadableStudy: it is no structure set, or damaged.
    """
    dataset = _dataset(path)
    with reading(path):
        return _names(dataset)


def referenced_series(path: Path) -> frozenset[str]:
    """Series Instance UIDs of the images that a structure set was drawn on.

    Raises:
        UnreadableStudy: it is no structure set, or damaged.
    """
    dataset = _dataset(path)
    with reading(path):
        return frozenset(
            str(series.SeriesInstanceUID)
            for frame in dataset.get("ReferencedFrameOfReferenceSequence") or ()
            for study in frame.get("RTReferencedStudySequence") or ()
            for series in study.get("RTReferencedSeriesSequence") or ()
        )


def _dataset(path: Path) -> Dataset:
    return read_object(path, (STRUCTURE_SET,), "structure set (RTSTRUCT)")


def _names(dataset: Dataset) -> dict[int, str]:
    structures = dataset.get("StructureSetROISequence") or ()
    return {int(item.ROINumber): str(item.get("ROIName", "")) for item in structures}


def _slices(item: Dataset, like: Geometry, path: Path) -> dict[int, np.ndarray]:
    """Fill one structure: by slice, the voxels inside, shape (H, W), bool."""
    counts: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(like.shape[1:], dtype=np.int32))
    for polygon in _polygons(item, like):
        d = round(float(np.median(polygon[:, 0])))
        off = float(np.abs(polygon[:, 0] - d).max())
        if off > ON_SLICE_WITHIN or not 0 <= d < like.shape[0]:
            raise GridMismatch(
                f"{path} has an outline {off:.3g} slices away from slice {d} of an image with "
                f"{like.shape[0]}. Give the image series that it was drawn on."
            )
        counts[d] += crossings(polygon[:, 1:], (like.shape[1], like.shape[2]))
    return {d: inside(total) for d, total in counts.items()}


def _polygons(item: Dataset, like: Geometry) -> Iterator[np.ndarray]:
    """Yield the closed outlines of a structure as (slice, row, column) in voxels, shape (N, 3)."""
    assert like.affine is not None
    to_index = np.linalg.inv(like.affine.numpy()) @ LPS_TO_RAS
    for contour in item.get("ContourSequence") or ():
        if contour.get("ContourGeometricType") in CLOSED:
            points = np.array(contour.ContourData, dtype=np.float64).reshape(-1, 3)
            if not np.isfinite(points).all():
                raise ValueError("a corner is not finite")
            yield np.round(points @ to_index[:3, :3].T + to_index[:3, 3], DECIMALS)


def _draw(labels: np.ndarray, value: int, slices: dict[int, np.ndarray], path: Path) -> None:
    for d, mask in slices.items():
        if np.isin(labels[d][mask], (0, value), invert=True).any():
            raise UnreadableStudy(
                f"{path} has structures that overlap, which one mask cannot hold. Read those that "
                f"exclude each other, by name: {path.name}/NAME,NAME."
            )
        labels[d][mask] = value
