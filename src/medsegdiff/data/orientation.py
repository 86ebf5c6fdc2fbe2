"""Turning a volume's axes into the order and direction that a network was trained on, and back.

Only axes are exchanged and mirrored, so nothing is lost; oblique scans keep their small angle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

OPPOSITE = {"R": "L", "L": "R", "A": "P", "P": "A", "S": "I", "I": "S"}


@dataclass(frozen=True)
class Reorientation:
    """An exchange and mirroring of space axes.

    Args:
        order: for each new axis, the old one that it is.
        mirrored: whether each new axis runs the other way.
    """

    order: tuple[int, ...]
    mirrored: tuple[bool, ...]

    @classmethod
    def none(cls, space_dims: int) -> Reorientation:
        """The one that changes nothing."""
        return cls(tuple(range(space_dims)), (False,) * space_dims)

    @classmethod
    def between(cls, found: str, wanted: str) -> Reorientation:
        """From axes that run like the letters in `found` to those in `wanted`, as "SPL"."""
        order = tuple(
            next(i for i, own in enumerate(found) if own in (letter, OPPOSITE[letter]))
            for letter in wanted
        )
        return cls(
            order, tuple(found[i] != letter for i, letter in zip(order, wanted, strict=True))
        )

    def apply(self, values: Tensor) -> Tensor:
        """Reorient the last axes of values (..., *S)."""
        dims = len(self.order)
        lead = values.ndim - dims
        moved = values.permute(*range(lead), *(lead + axis for axis in self.order))
        return self._mirror(moved).contiguous()

    def undo(self, values: Tensor) -> Tensor:
        """Bring reoriented values (..., *S) back."""
        dims = len(self.order)
        lead = values.ndim - dims
        back = [self.order.index(axis) for axis in range(dims)]
        moved = self._mirror(values)
        return moved.permute(*range(lead), *(lead + axis for axis in back)).contiguous()

    def reordered(self, numbers: tuple[float, ...]) -> tuple[float, ...]:
        """One number for each old axis as one for each new axis: a shape, a spacing."""
        return tuple(numbers[axis] for axis in self.order)

    def restored(self, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """One number for each new axis as one for each old axis."""
        return tuple(numbers[self.order.index(axis)] for axis in range(len(self.order)))

    @property
    def is_none(self) -> bool:
        """Whether it changes nothing."""
        return self == self.none(len(self.order))

    def _mirror(self, values: Tensor) -> Tensor:
        first = values.ndim - len(self.order)
        axes = [first + axis for axis, mirrored in enumerate(self.mirrored) if mirrored]
        return values.flip(axes) if axes else values


def orientation_of(affine: Tensor) -> str:
    """The direction in which each axis runs, nearest: a letter of RLAPSI for each, as "SPL".

    Args:
        affine: as in `Geometry`, shape (4, 4).
    """
    from nibabel.orientations import io_orientation

    letters = (("L", "R"), ("P", "A"), ("I", "S"))
    nearest = io_orientation(np.asarray(affine, dtype=np.float64))
    return "".join(letters[int(axis)][int(direction > 0)] for axis, direction in nearest)
