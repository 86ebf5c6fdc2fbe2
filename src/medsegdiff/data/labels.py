"""Label values: what the user's masks hold, and the class numbers 0 to K-1 that we count with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Int
from pydantic import model_validator
from torch import Tensor
from typing_extensions import Self

from medsegdiff.component import Config
from medsegdiff.data.label_evidence import (
    GREY,
    Evidence,
    gather_evidence,
    pack_colours,
    unpack_colours,
)
from medsegdiff.errors import DataError

SURE = 8  # grey levels around a class's value in which a voxel of a noisy mask belongs to it


class LabelMap(Config):
    """The user's value (or colour) of every class, background first.

    Args:
        names: one for each class, background first.
        values: the number stored for each class; empty when the masks are drawn in colours.
        colours: the (red, green, blue) stored for each class; empty when the masks hold numbers.
        is_noisy: whether values between the classes occur (JPEG, anti-aliasing) and count as the
            nearest class; otherwise any other value is refused.
    """

    names: tuple[str, ...]
    values: tuple[int, ...] = ()
    colours: tuple[tuple[int, int, int], ...] = ()
    is_noisy: bool = False

    @model_validator(mode="after")
    def _one_value_a_class(self) -> Self:
        stored = self.colours or self.values
        if len(self.names) < 2 or len(stored) != len(self.names) or len(set(stored)) != len(stored):
            raise ValueError(
                f"{len(self.names)} classes need as many different values, and at least two: "
                f"{self.names}, {stored}"
            )
        return self

    @property
    def classes(self) -> int:
        """Number of classes K, with the background."""
        return len(self.names)

    @property
    def mask_channels(self) -> int:
        """Channels of a probability: 1 for a binary task, else one a class."""
        return 1 if self.classes == 2 else self.classes

    @classmethod
    def recognise(
        cls,
        masks: Iterable[np.ndarray],
        labels: Mapping[str, int] | None = None,
        label_values: Mapping[str, int] | None = None,
        colours: Mapping[str, Sequence[int]] | None = None,
    ) -> tuple[Self, list[str]]:
        """Find out which values stand for which class.

        Args:
            masks: raw masks, shape (H, W), or (H, W, 3) for colours.
            labels: declared class numbers by name, background 0; None when nothing is declared.
            label_values: declared stored values by name, where they are not the class numbers.
            colours: declared stored colours by name.

        Returns:
            The map, and in plain words what was recognised.

        Raises:
            DataError: the masks do not hold what is declared, or look like pictures.
        """
        declared = cls.declared(labels, label_values, colours) if labels else None
        is_certain = bool(label_values or (declared and declared.colours))
        evidence = gather_evidence(masks, _packed_values(declared), is_certain)
        if declared is None:
            return cls._found(evidence)
        return declared._compared(evidence, is_certain)

    @classmethod
    def declared(
        cls,
        labels: Mapping[str, int],
        label_values: Mapping[str, int] | None = None,
        colours: Mapping[str, Sequence[int]] | None = None,
    ) -> Self:
        """Make the map that `dataset.json` declares.

        Raises:
            DataError: the class numbers are not 0, 1, 2 ..., or a class has no value.
        """
        names = tuple(sorted(labels, key=lambda name: _class_number(name, labels)))
        if [labels[name] for name in names] != list(range(len(names))):
            raise DataError(
                f"The labels in dataset.json are {dict(labels)}; they must be numbered 0, 1, 2 "
                "... with background 0. "
                'Give other stored values in "label_values".'
            )
        try:
            if colours and set(names[1:]) <= set(colours):
                drawn = [tuple(map(int, colours.get(name, (0, 0, 0)))) for name in names]
                return cls.model_validate({"names": names, "colours": drawn})
            given = label_values or {}
            values = tuple(int(given.get(name, labels[name])) for name in names)
            return cls(names=names, values=values)
        except ValueError as error:
            raise DataError(f"The labels in dataset.json cannot be used: {error}") from None

    @classmethod
    def _found(cls, evidence: Evidence) -> tuple[Self, list[str]]:
        """Name the classes by the values that the masks hold."""
        values = list(evidence.classes)
        findings = []
        if len(values) < 2 and not evidence.is_colour:
            findings.append("No mask outlines anything: every one holds a single value.")
            values = [0, 255] if values in ([], [0]) else [0, *values]
        if evidence.is_colour and 0 in values:
            values.remove(0)
            values.insert(0, 0)
        foreground = [f"class_{index}" for index in range(1, len(values))]
        names = ("background", *(["foreground"] if len(values) == 2 else foreground))
        found = cls.model_validate({"names": names, **_stored(values, evidence)})
        return found, [*findings, f"Masks hold {found._listed()}.", *evidence.noise_report()]

    def _compared(self, evidence: Evidence, is_certain: bool) -> tuple[Self, list[str]]:
        """Keep the declared map if the masks agree, else their values in order where safe."""
        seen, mine = set(evidence.classes), set(_packed_values(self) or ())
        if seen <= mine and evidence.is_colour <= bool(self.colours):
            return self.model_copy(update={"is_noisy": evidence.is_noisy}), evidence.noise_report()
        in_order = not is_certain and (not evidence.is_colour or self.classes == 2)
        if not in_order or len(seen) != self.classes:
            raise DataError(
                f"dataset.json declares {self._listed()}, but the masks hold {evidence.listed()}. "
                'Give the stored value of every class as "label_values": {"name": value}, or as '
                '"colors": {"name": [r, g, b]}.'
            )
        stored = _stored(sorted(seen), evidence)
        found = self.model_validate({"names": self.names, **stored})
        note = (
            f"dataset.json declares {self._listed()}; the masks hold {found._listed()}, "
            "taken in this order."
        )
        return found, [note, *evidence.noise_report()]

    def encode(self, raw: np.ndarray) -> Int[Tensor, "H W"]:
        """Turn stored values into class numbers, shape (H, W), int64.

        Raises:
            DataError: a value belongs to no class.
        """
        if raw.ndim == 3 and not self.colours:
            raise DataError(
                "it is drawn in colours, but the classes of this data set are stored as numbers."
            )
        stored = raw
        if self.colours:
            stored = pack_colours(raw) if raw.ndim == 3 else raw.astype(np.int64) * GREY
        if stored.dtype == np.uint8:
            labels = self._classes_of(np.arange(256))[stored]
        else:
            present, place = np.unique(stored, return_inverse=True)
            labels = self._classes_of(present)[place.reshape(stored.shape)]
        if labels.min() < 0:
            strange = sorted(set(stored[labels < 0].tolist()))[:6]
            raise DataError(
                f"it holds the value(s) {strange}, but the classes are {self._listed()}."
            )
        if self.is_noisy and self.classes > 2 and not self.colours:
            labels = self._cleaned(labels, stored)
        return torch.from_numpy(labels)

    def decode(self, labels: Int[Tensor, "H W"]) -> np.ndarray:
        """Turn class numbers back into the user's values, in the smallest type that holds them.

        Returns:
            Shape (H, W), uint8, uint16 or int32; or (H, W, 3) uint8 for colours.
        """
        if self.colours:
            return np.asarray(self.colours, dtype=np.uint8)[labels.numpy()]
        low, high = min(self.values), max(self.values)
        wide = np.uint16 if low >= 0 and high < 2**16 else np.int32
        kind = np.uint8 if low >= 0 and high < 2**8 else wide
        return np.asarray(self.values, dtype=kind)[labels.numpy()]

    def _classes_of(self, stored: np.ndarray) -> np.ndarray:
        """Class of each stored value, shape (n,), int64; -1 where there is none."""
        mine = np.asarray(_packed_values(self))
        if self.colours:
            distance = unpack_colours(stored)[:, None] - unpack_colours(mine)[None]  # (n, K, 3)
            distance = (distance**2).sum(axis=-1)
        else:
            distance = np.abs(stored.astype(np.int64)[:, None] - mine[None])
        nearest = distance.argmin(axis=1)
        if self.is_noisy:
            return nearest
        return np.where(distance.min(axis=1) == 0, nearest, -1)

    def _cleaned(self, labels: np.ndarray, stored: np.ndarray) -> np.ndarray:
        """Give voxels of doubtful value the class of the nearest sure one.

        Between classes 0 and 2 the value passes through that of class 1, which is not there.
        """
        from scipy import ndimage

        stored = stored.astype(np.int64)
        low, high = ndimage.minimum_filter(stored, 3), ndimage.maximum_filter(stored, 3)
        on_slope = (stored - low > SURE) & (high - stored > SURE)
        doubtful = on_slope | (np.abs(np.asarray(self.values)[labels] - stored) > SURE)
        if not doubtful.any() or doubtful.all():
            return labels
        nearest = ndimage.distance_transform_edt(
            doubtful, return_distances=False, return_indices=True
        )
        return labels[tuple(nearest)]  # pyright: ignore[reportArgumentType]

    def _listed(self) -> str:
        pairs = zip(self.colours or self.values, self.names, strict=True)
        return ", ".join(f"{value} ({name})" for value, name in pairs)


def _class_number(name: str, labels: Mapping[str, int]) -> int:
    number = labels[name]
    if name == "ignore" or not isinstance(number, int):
        raise DataError(
            f"dataset.json declares the label {name!r} as {number!r}; regions and ignored labels "
            "are not supported. Give every class one number."
        )
    return number


def _packed_values(label_map: LabelMap | None) -> tuple[int, ...] | None:
    """The stored values, colours packed into one number each."""
    if label_map is None:
        return None
    if label_map.colours:
        return tuple(pack_colours(np.asarray(label_map.colours)).tolist())
    return label_map.values


def _stored(values: Sequence[int], evidence: Evidence) -> dict[str, object]:
    if evidence.is_colour:
        colours = [tuple(row) for row in unpack_colours(np.asarray(values)).tolist()]
        return {"colours": colours, "is_noisy": evidence.is_noisy}
    return {"values": tuple(values), "is_noisy": evidence.is_noisy}
