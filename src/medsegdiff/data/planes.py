"""Planes through a volume, as a radiologist looks at them; an image is a plane of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from medsegdiff.types import Geometry

LONGEST_SIDE = 2048  # pixels of a plane; only spacings that differ very much come near it
ITK_DIRECTION = np.array(
    [[0, 0, -1], [0, -1, 0], [1, 0, 0]]
)  # a volume that does not say how it lies
RIGHT, FRONT, HEAD = range(3)  # the axes of RAS+ coordinates
VIEWS = {  # the patient's axis across each plane, and those of its rows and columns
    "axial": (HEAD, FRONT, RIGHT),
    "coronal": (FRONT, HEAD, RIGHT),
    "sagittal": (RIGHT, HEAD, FRONT),
}


@dataclass(frozen=True)
class Plane:
    """One slice of a study, upright and with square pixels.

    Args:
        name: "axial", "coronal", "sagittal"; "image" for a study that has two axes.
        axis: the volume's axis across the plane; None for an image.
        index: where the plane cuts that axis.
        is_transposed: whether rows and columns change places after the cut.
        flipped: which of rows (0) and columns (1) are turned round after that.
        shape: pixels of the rows and columns that are shown; None leaves them as they are.
    """

    name: str = "image"
    axis: int | None = None
    index: int = 0
    is_transposed: bool = False
    flipped: tuple[int, ...] = ()
    shape: tuple[int, int] | None = None

    def of(self, values: Shaped[Tensor, "*C_S"]) -> Shaped[Tensor, "*C_h_w"]:
        """Cut a map of the study, shape (*S) or (C, *S); voxels are repeated, never mixed."""
        if self.axis is not None:
            values = values.select(values.ndim - 3 + self.axis, self.index)
        if self.is_transposed:
            values = values.transpose(-1, -2)
        values = values.flip([one - 2 for one in self.flipped]) if self.flipped else values
        if self.shape is None:
            return values
        rows, columns = (
            nearest(old, new) for old, new in zip(values.shape[-2:], self.shape, strict=True)
        )
        return values[..., rows, :][..., columns]


def nearest(old: int, new: int) -> Int[Tensor, "new"]:
    """Index of the voxel, of `old` in a row, that each of `new` pixels shows."""
    return ((torch.arange(new) + 0.5) * old / new).long()


def planes(labels: Int[Tensor, "*S"] | None, geometry: Geometry) -> tuple[Plane, ...]:
    """Choose what to show of a study: the image itself, or three planes of a volume.

    The planes go through the largest area of foreground, or through the centre where there is none.
    They are shown as is usual in radiology: the patient's right, or front, at the left of the
    picture; the front, or the head, at its top.

    Args:
        labels: class numbers, shape (*S); None without a mask.
        geometry: the grid; without an affine the axes are taken to lie as ITK's default.
    """
    shape, spacing = geometry.shape, geometry.spacing_mm or (1.0,) * geometry.space_dims
    if geometry.space_dims == 2:
        return (Plane(shape=_square_pixels(shape, spacing)),)
    axis_of, grows = _directions(geometry)
    found = []
    for name, (across, down, beside) in VIEWS.items():
        axis, rows, columns = (axis_of[one] for one in (across, down, beside))
        flips = tuple(side for side, toward in enumerate((down, beside)) if grows[toward])
        square = _square_pixels((shape[rows], shape[columns]), (spacing[rows], spacing[columns]))
        index = _largest_slice(labels, axis, shape)
        found.append(Plane(name, axis, index, rows > columns, flips, square))
    return tuple(found)


def _largest_slice(labels: Tensor | None, axis: int, shape: tuple[int, ...]) -> int:
    others = [other for other in range(len(shape)) if other != axis]
    area = None if labels is None else (labels > 0).sum(dim=others)
    if area is None or not area.any():
        return shape[axis] // 2
    return int(area.argmax())


def _directions(geometry: Geometry) -> tuple[list[int], list[bool]]:
    """The volume's axis nearest to each patient axis, and whether its index grows along it."""
    from scipy.optimize import linear_sum_assignment

    turned = ITK_DIRECTION if geometry.affine is None else geometry.affine[:3, :3].numpy()
    turned = turned / np.linalg.norm(turned, axis=0)
    patient, stored = linear_sum_assignment(-np.abs(turned))
    return stored.tolist(), (turned[patient, stored] > 0).tolist()


def _square_pixels(shape: tuple[int, ...], spacing: tuple[float, ...]) -> tuple[int, int] | None:
    """Rows and columns of equal size in mm, at least as fine as the voxels where that is sane."""
    if spacing[0] == spacing[1]:
        return None
    extent = [count * size for count, size in zip(shape, spacing, strict=True)]
    pixel = max(min(spacing), max(extent) / max(LONGEST_SIDE, *shape))
    rows, columns = (max(1, round(side / pixel)) for side in extent)
    return rows, columns
