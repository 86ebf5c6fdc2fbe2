"""Which axes of a NRRD file lie in space, and which one is that of the channels."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from medsegdiff.data.volumes.text_header import numbers, sides_of, whole_numbers

IN_SPACE = ("domain", "space", "???")
MOST_AXES = 5


@dataclass(frozen=True)
class Axes:
    """The axes of a file, the fastest first.

    Args:
        sizes: of all.
        in_space: which of them lie in space, two or three.
        directions: of each of those, the step from one voxel to the next; in space coordinates.
        has_size: whether the file says anything about steps.
    """

    sizes: tuple[int, ...]
    in_space: tuple[int, ...]
    directions: tuple[tuple[float, ...], ...]
    has_size: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels in space, (D, H, W) or (H, W)."""
        return tuple(self.sizes[axis] for axis in reversed(self.in_space))

    @property
    def channels(self) -> int:
        """Numbers in a voxel."""
        return math.prod(self.sizes) // math.prod(self.shape)

    @property
    def is_interleaved(self) -> bool:
        """Whether the channels of a voxel stand side by side."""
        return self.channels > 1 and self.sizes[0] > 1 and self.in_space[0] > 0

    def steps(self) -> np.ndarray:
        """Steps along x, y(, z) in the columns, shape (space coordinates, axes in space)."""
        return np.array(self.directions).T


def axes_of(fields: dict[str, str]) -> Axes:
    """Understand sizes, kinds, space directions and spacings.

    Raises:
        ValueError: they contradict each other, or there is more than one axis of channels.
    """
    count = whole_numbers([fields.get("dimension", "")], 1, "dimension")[0]
    if not 2 <= count <= MOST_AXES:
        raise ValueError(f"it declares {count} axes")
    sizes = sides_of(fields.get("sizes", "").split(), count, "sizes")
    words = re.findall(r"\([^)]*\)|\S+", fields.get("space directions", ""))
    if words and len(words) != count:
        raise ValueError(f"it declares {count} axes and {len(words)} space directions")
    in_space = _in_space(fields, sizes, words)
    _check_channels(sizes, in_space)
    if words:
        coordinates = len(words[in_space[0]].split(","))
        steps = tuple(vector(words[axis], coordinates) for axis in in_space)
    else:
        steps = _along_axes(fields, count, in_space)
    return Axes(sizes, in_space, steps, bool(words) or "spacings" in fields)


def vector(word: str, count: int) -> tuple[float, ...]:
    """Numbers of a vector, "(1,0,0)".

    Raises:
        ValueError: it is no such vector.
    """
    return tuple(numbers(word.strip().strip("()").split(","), count, "space vectors"))


def _in_space(
    fields: dict[str, str], sizes: tuple[int, ...], directions: list[str]
) -> tuple[int, ...]:
    kinds = fields.get("kinds", "").lower().split()
    if "complex" in kinds:
        raise ValueError("it holds complex numbers, which are not read")
    axes = range(len(sizes))
    if directions:
        found = tuple(axis for axis in axes if directions[axis].lower() != "none")
    elif len(kinds) == len(sizes):
        found = tuple(axis for axis in axes if kinds[axis] in IN_SPACE)
    else:
        found = tuple(axes)[:3]
    if not 2 <= len(found) <= 3:
        raise ValueError(f"{len(found)} of its {len(sizes)} axes lie in space, 2 or 3 should")
    return found


def _check_channels(sizes: tuple[int, ...], in_space: tuple[int, ...]) -> None:
    others = [axis for axis, size in enumerate(sizes) if axis not in in_space and size > 1]
    if len(others) > 1:
        raise ValueError("it has several axes besides those of space; save each as a file")
    if others and in_space[0] < others[0] < in_space[-1]:
        raise ValueError("its channels stand between its axes of space; save them first or last")


def _along_axes(
    fields: dict[str, str], count: int, in_space: tuple[int, ...]
) -> tuple[tuple[float, ...], ...]:
    """Steps of files that give spacings alone, or nothing."""
    spacings = numbers(fields.get("spacings", "1 " * count).split(), count, "spacings")
    sizes = np.abs([spacings[axis] for axis in in_space])
    return tuple(tuple(map(float, row)) for row in np.diag(sizes))
