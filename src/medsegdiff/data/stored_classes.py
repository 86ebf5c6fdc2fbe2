"""How classes are stored in the user's masks, and the class numbers 0 to K-1 that we count with."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from pydantic import model_validator
from torch import Tensor
from typing_extensions import Self

from medsegdiff.component import Config
from medsegdiff.data.declared_labels import IGNORE, Colour
from medsegdiff.data.label_evidence import (
    GREY,
    HIGHEST_LISTED,
    is_coloured,
    pack_colours,
    unpack_colours,
)
from medsegdiff.data.label_noise import without_slopes
from medsegdiff.errors import DataError
from medsegdiff.types import IGNORED

LISTED = 6  # values that a message names


class StoredClasses(Config):
    """The user's value (or colour) of every class, background first.

    Args:
        names: one for each class, background first.
        values: the number stored for each class; empty when the masks are drawn in colours.
        colours: the (red, green, blue) stored for each class; empty when the masks hold numbers.
        is_noisy: whether values between the classes occur (JPEG, anti-aliasing) and count as the
            nearest class; otherwise any other value is refused.
        ignored: the number or colour of voxels that count neither in training nor in metrics.
    """

    names: tuple[str, ...]
    values: tuple[int, ...] = ()
    colours: tuple[Colour, ...] = ()
    is_noisy: bool = False
    ignored: int | Colour | None = None

    @model_validator(mode="after")
    def _one_value_a_class(self) -> Self:
        stored = self.colours or self.values
        if len(self.names) < 2 or len(stored) != len(self.names) or len(set(stored)) != len(stored):
            raise ValueError(
                f"{len(self.names)} classes need as many different values, and at least two: "
                f"{self.names}, {stored}"
            )
        return self

    @model_validator(mode="after")
    def _ignored_is_another_value(self) -> Self:
        if self.ignored is None:
            return self
        stored = self.colours or self.values
        if self.ignored in stored or isinstance(self.ignored, int) == bool(self.colours):
            raise ValueError(
                f"the ignored label {self.ignored} must be another of the kind of {stored}"
            )
        return self

    @property
    def classes(self) -> int:
        """Number of classes K, with the background."""
        return len(self.names)

    @property
    def stored(self) -> tuple[Any, ...]:
        """The number or colour of each class; that of ignored voxels last, at index -1."""
        return (*(self.colours or self.values), *([] if self.ignored is None else [self.ignored]))

    @property
    def packed(self) -> tuple[int, ...]:
        """The same, colours packed into one number each."""
        if self.colours:
            return tuple(pack_colours(np.asarray(self.stored)).tolist())
        return self.stored

    def encode(self, raw: np.ndarray) -> Int[Tensor, "*S"]:
        """Turn stored values into class numbers, shape (*S), int64; -1 for ignored voxels.

        Raises:
            DataError: a value belongs to no class.
        """
        if is_coloured(raw) and not self.colours:
            raise DataError(
                "it is drawn in colours, but the classes of this data set are stored as numbers."
            )
        stored = raw
        if self.colours:
            stored = pack_colours(raw) if is_coloured(raw) else raw.astype(np.int64) * GREY
        if stored.min(initial=0) >= 0 and stored.max(initial=0) <= HIGHEST_LISTED:
            labels = self._classes_of(np.arange(int(stored.max(initial=0)) + 1))[stored]
        else:
            present, place = np.unique(stored, return_inverse=True)
            labels = self._classes_of(present)[place.reshape(stored.shape)]
        if labels.min() < 0:
            strange = self._counted(stored[labels < 0])
            raise DataError(
                f"it holds {strange}, but the classes are {self.listed()}. Correct the mask, or "
                "declare the value in dataset.json."
            )
        if self.is_noisy and len(self.packed) > 2 and not self.colours:
            labels = without_slopes(labels, stored, np.asarray(self.packed))
        labels[labels == self.classes] = IGNORED
        return torch.from_numpy(labels)

    def decode(self, labels: Int[Tensor, "*S"]) -> np.ndarray:
        """Turn class numbers back into the user's values, in the smallest type that holds them.

        Returns:
            Shape (*S), uint8, uint16 or int32; or (H, W, 3) uint8 for colours.
        """
        assert self.ignored is not None or not (labels < 0).any()  # -1 is the last one's place
        if self.colours:
            return np.asarray(self.stored, dtype=np.uint8)[labels.numpy()]
        low, high = min(self.stored), max(self.stored)
        wide = np.uint16 if low >= 0 and high < 2**16 else np.int32
        kind = np.uint8 if low >= 0 and high < 2**8 else wide
        return np.asarray(self.stored, dtype=kind)[labels.numpy()]

    def _classes_of(self, stored: np.ndarray) -> np.ndarray:
        """Class of each stored value, shape (n,), int64; K if ignored, -1 where there is none."""
        mine = np.asarray(self.packed)
        if self.colours:
            distance = unpack_colours(stored)[:, None] - unpack_colours(mine)[None]  # (n, K, 3)
            distance = (distance**2).sum(axis=-1)
        else:
            distance = np.abs(stored.astype(np.int64)[:, None] - mine[None])
        nearest = distance.argmin(axis=1)
        if self.is_noisy:
            return nearest
        return np.where(distance.min(axis=1) == 0, nearest, -1)

    def listed(self) -> str:
        """The stored values with the names of their classes, for a message."""
        pairs = zip(self.stored, [*self.names, IGNORE], strict=False)
        return ", ".join(f"{value} ({name})" for value, name in pairs)

    def _counted(self, stored: np.ndarray) -> str:
        """Stored values, the most frequent first, and in how many voxels each is."""
        values, counts = np.unique(stored, return_counts=True)
        often = np.argsort(-counts, kind="stable")[:LISTED]
        spelt = (unpack_colours(values) if self.colours else values).tolist()
        named = [f"{spelt[one]} in {counts[one]} voxel(s)" for one in often]
        return ", ".join(named) + (" ..." if len(values) > LISTED else "")
