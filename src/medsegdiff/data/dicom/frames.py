"""The frames of a DICOM object: a file of its own each, or many in one file (multi-frame).

Source: DICOM PS3.3, C.7.6.2 (image plane), C.7.6.16 (multi-frame functional groups).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medsegdiff.errors import UnreadableStudy

if TYPE_CHECKING:
    from pydicom import Dataset

GROUPS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SpacingBetweenSlices": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "ReferencedSegmentNumber": "SegmentIdentificationSequence",
}
ORTHONORMAL_WITHIN = 1e-3  # direction cosines are text of at most 16 characters, often far fewer


@dataclass(frozen=True)
class Frame:
    """Where one picture lies in the patient, in the coordinates of DICOM (LPS, mm).

    Args:
        file: the file that holds it.
        index: its number in the file, from 0.
        position: centre of the first voxel, shape (3,); None for pictures without a place.
        axes: unit vectors along which the row index and the column index grow, shape (2, 3).
        spacing: distance between rows and between columns in mm; None where the file does not say.
    """

    file: Path
    index: int
    position: np.ndarray | None = None
    axes: np.ndarray | None = None
    spacing: tuple[float, float] | None = None

    @property
    def normal(self) -> np.ndarray:
        """Unit vector across the picture: columns × rows."""
        assert self.axes is not None
        return np.cross(self.axes[1], self.axes[0])

    @property
    def height(self) -> float:
        """Place along the normal, in mm."""
        assert self.position is not None
        return float(self.position @ self.normal)


def frame_count(dataset: Dataset) -> int:
    """Number of frames, 1 for a file that does not speak of frames."""
    return int(dataset.get("NumberOfFrames") or 1)


def frame_value(dataset: Dataset, index: int, keyword: str) -> Any:
    """What a frame says: its own functional group, else the shared one, else the file; or None."""
    for groups in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        items = dataset.get(groups)
        if items:
            group = items[index if groups.startswith("Per") else 0].get(GROUPS[keyword])
            if group and group[0].get(keyword) is not None:
                return group[0].get(keyword)
    return dataset.get(keyword)


def frames_of(dataset: Dataset, path: Path) -> list[Frame]:
    """List the frames of a file, in the order in which they are stored.

    Raises:
        UnreadableStudy: positions, orientations or spacings that cannot be.
    """
    count = frame_count(dataset)
    described = dataset.get("PerFrameFunctionalGroupsSequence")
    if described and len(described) != count:
        raise UnreadableStudy(
            f"{path} declares {count} frames but describes {len(described)}. Copy it again from "
            "its source."
        )
    has_place = bool(described) or count == 1
    return [_frame(dataset, path, index, has_place) for index in range(count)]


def _frame(dataset: Dataset, path: Path, index: int, has_place: bool) -> Frame:
    spacing = _numbers(dataset, index, "PixelSpacing", 2, path)
    if spacing is not None and not (spacing > 0).all():
        raise UnreadableStudy(
            f"{path} declares pixels without a size (PixelSpacing). Export the series again."
        )
    sides = None if spacing is None else (float(spacing[0]), float(spacing[1]))
    position = _numbers(dataset, index, "ImagePositionPatient", 3, path)
    axes = _numbers(dataset, index, "ImageOrientationPatient", 6, path)
    if not has_place or position is None or axes is None:
        return Frame(path, index, spacing=sides)
    return Frame(path, index, position, _unit(axes.reshape(2, 3), path)[::-1], sides)


def _numbers(
    dataset: Dataset, index: int, keyword: str, count: int, path: Path
) -> np.ndarray | None:
    value = frame_value(dataset, index, keyword)
    if value is None or value == "":
        return None
    numbers = np.array(value, dtype=np.float64).reshape(-1)
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise UnreadableStudy(
            f"{path} gives {keyword} as something else than {count} finite numbers. Copy it again "
            "from its source."
        )
    return numbers


def _unit(cosines: np.ndarray, path: Path) -> np.ndarray:
    """Direction cosines as stored, (2, 3): along the columns' index first; lengths made exact."""
    if not np.allclose(cosines @ cosines.T, np.eye(2), atol=ORTHONORMAL_WITHIN):
        raise UnreadableStudy(
            f"{path} gives an ImageOrientationPatient whose two directions are not of length 1 at "
            "right angles. Export the series again."
        )
    return cosines / np.linalg.norm(cosines, axis=1, keepdims=True)
