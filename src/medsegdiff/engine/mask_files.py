"""Masks that are compared: read as class numbers, with their grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Int
from torch import Tensor

from medsegdiff.data import LabelMap
from medsegdiff.data.formats import StoredMask
from medsegdiff.data.geometry import same_grid
from medsegdiff.data.reader import read_mask
from medsegdiff.errors import DataError, GridMismatch
from medsegdiff.types import Geometry


@dataclass(frozen=True)
class DrawnMask:
    """A mask as somebody, or a model, has drawn it.

    Args:
        path: its file.
        labels: class numbers, shape (*S), int64.
        geometry: its grid.
    """

    path: Path
    labels: Int[Tensor, "*S"]
    geometry: Geometry


def read_drawn(path: Path, label_map: LabelMap, like: Geometry | None = None) -> DrawnMask:
    """Read a mask as class numbers.

    Args:
        path: its file.
        label_map: which values stand for which class.
        like: the grid of its image, for formats that store outlines or only some slices.

    Raises:
        DataError: it cannot be read, or holds a value of no class; names the file.
    """
    try:
        stored = read_stored(path, like)
        return DrawnMask(path, label_map.encode(stored.values), stored.geometry)
    except DataError as error:
        if str(path) in str(error):
            raise
        raise DataError(f"The mask {path} cannot be used: {error}") from None


def read_stored(path: Path, like: Geometry | None = None) -> StoredMask:
    """Read the stored values of a mask with their grid.

    Raises:
        UnreadableStudy: the file is damaged, or no mask.
        ResourceError: it is larger than this machine's memory allows.
    """
    return read_mask(path, like=like)


def check_one_grid(reference: DrawnMask, other: DrawnMask) -> None:
    """Refuse two masks of one study that do not lie on one grid.

    Pictures are compared by their size alone, for many say nothing else.

    Raises:
        GridMismatch: says by how much, in mm.
    """
    mine, yours = reference.geometry, other.geometry
    if mine.space_dims == yours.space_dims == 2:
        difference = None if mine.shape == yours.shape else _sizes(mine, yours)
    else:
        difference = same_grid(mine, yours)
    if difference is not None:
        raise GridMismatch(
            f"The masks {reference.path} and {other.path} are not on one grid: {difference}. "
            "Compare masks on the study's own grid: resize neither, predict at native size."
        )


def _sizes(one: Geometry, other: Geometry) -> str:
    return " and ".join(f"{each.shape[1]} x {each.shape[0]} pixels" for each in (one, other))
