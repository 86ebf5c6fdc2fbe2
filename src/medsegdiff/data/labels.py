"""Label values: what the user's masks hold, and the class numbers 0 to K-1 that we count with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int
from pydantic import model_serializer, model_validator
from torch import Tensor
from typing_extensions import Self

from medsegdiff.component import Config
from medsegdiff.data.declared_labels import IGNORE, Colour, Region, declared_labels
from medsegdiff.data.label_evidence import (
    GREY,
    HIGHEST_LISTED,
    Evidence,
    gather_evidence,
    is_coloured,
    pack_colours,
    unpack_colours,
)
from medsegdiff.data.label_noise import without_slopes
from medsegdiff.errors import DataError
from medsegdiff.types import IGNORED, MaskCoding


class LabelMap(Config):
    """The user's value (or colour) of every class, background first.

    Args:
        names: one for each class, background first.
        values: the number stored for each class; empty when the masks are drawn in colours.
        colours: the (red, green, blue) stored for each class; empty when the masks hold numbers.
        is_noisy: whether values between the classes occur (JPEG, anti-aliasing) and count as the
            nearest class; otherwise any other value is refused.
        regions: what is drawn and scored in place of the classes, in the order in which they are
            painted; empty without regions.
        ignored: the number or colour of voxels that count neither in training nor in metrics.
    """

    names: tuple[str, ...]
    values: tuple[int, ...] = ()
    colours: tuple[Colour, ...] = ()
    is_noisy: bool = False
    regions: tuple[Region, ...] = ()
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
    def _regions_and_ignored_fit(self) -> Self:
        numbers = {one for region in self.regions for one in (*region.classes, region.painted)}
        if not numbers <= set(range(1, len(self.names))):
            raise ValueError(f"the regions {self.regions} are not made of the classes {self.names}")
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
    def coding(self) -> MaskCoding:
        """What the channels of a probability are: binary, classes or regions."""
        if not self.regions:
            return MaskCoding.of_classes(self.classes)
        return MaskCoding(
            self.classes,
            regions=tuple(region.classes for region in self.regions),
            painted=tuple(region.painted for region in self.regions),
        )

    @property
    def mask_channels(self) -> int:
        """Channels of a probability: 1 for a binary task, else one a class or one a region."""
        return self.coding.channels

    @property
    def structure_names(self) -> tuple[str, ...]:
        """Names of everything that is drawn and scored: each foreground class, or each region."""
        return tuple(region.name for region in self.regions) or self.names[1:]

    def structures(self, labels: Int[Tensor, "*S"]) -> list[tuple[str, Bool[Tensor, "*S"]]]:
        """Name and mask of each foreground class, or of each region; ignored voxels are in none."""
        return list(zip(self.structure_names, self.coding.masks(labels), strict=True))

    def declaration(self) -> dict[str, Any]:
        """The labels as `dataset.json` declares them, by class number."""
        labels: dict[str, Any] = {name: index for index, name in enumerate(self.names)}
        if self.regions:
            regions = {one.name: one.declared for one in self.regions}
            labels = {self.names[0]: 0, **regions}
        if self.ignored is not None:
            labels[IGNORE] = self.classes
        painted = [region.painted for region in self.regions]
        return {"labels": labels, **({"regions_class_order": painted} if painted else {})}

    @model_serializer(mode="wrap")
    def _without_what_is_not_used(self, handler: Callable[[Any], Any]) -> dict[str, Any]:
        """Leave regions and the ignored label out where there are none, as older programs do."""
        written = handler(self)
        unused = {"regions": not self.regions, "ignored": self.ignored is None}
        return {key: value for key, value in written.items() if not unused.get(key, False)}

    @classmethod
    def recognise(
        cls,
        masks: Iterable[np.ndarray],
        labels: Mapping[str, Any] | None = None,
        label_values: Mapping[str, int] | None = None,
        colours: Mapping[str, Sequence[int]] | None = None,
        regions_class_order: Sequence[int] | None = None,
    ) -> tuple[Self, list[str]]:
        """Find out which values stand for which class.

        Args:
            masks: raw masks, shape (H, W), or (H, W, 3) for colours.
            labels: declared class numbers by name, background 0, several for a region; None when
                nothing is declared.
            label_values: declared stored values by name, where they are not the class numbers.
            colours: declared stored colours by name.
            regions_class_order: declared numbers that the regions are stored under.

        Returns:
            The map, and in plain words what was recognised.

        Raises:
            DataError: the masks do not hold what is declared, or look like pictures.
        """
        declared = None
        if labels:
            declared = cls.declared(labels, label_values, colours, regions_class_order)
        is_certain = bool(label_values or (declared and declared.colours))
        evidence = gather_evidence(masks, _packed_values(declared), is_certain)
        if declared is None:
            return cls._found(evidence)
        found, findings = declared._compared(evidence, is_certain)
        return found, [*findings, *found._told()]

    @classmethod
    def declared(
        cls,
        labels: Mapping[str, Any],
        label_values: Mapping[str, int] | None = None,
        colours: Mapping[str, Sequence[int]] | None = None,
        regions_class_order: Sequence[int] | None = None,
    ) -> Self:
        """Make the map that `dataset.json` declares.

        Raises:
            DataError: the declaration contradicts itself, or a class has no value.
        """
        fields = declared_labels(labels, label_values, colours, regions_class_order)
        try:
            return cls.model_validate(fields)
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
        packed = _packed_values(self) or ()
        seen = set(evidence.classes)
        if seen <= set(packed) and evidence.is_colour <= bool(self.colours):
            return self.model_copy(update={"is_noisy": evidence.is_noisy}), evidence.noise_report()
        in_order = not is_certain and (not evidence.is_colour or self.classes == 2)
        seen -= set(packed[self.classes :])
        if not in_order or len(seen) != self.classes:
            raise DataError(
                f"dataset.json declares {self._listed()}, but the masks hold {evidence.listed()}. "
                'Give the stored value of every class as "label_values": {"name": value}, or as '
                '"colors": {"name": [r, g, b]}.'
            )
        kept = {"names": self.names, "regions": self.regions, "ignored": self.ignored}
        found = self.model_validate({**kept, **_stored(sorted(seen), evidence)})
        note = (
            f"dataset.json declares {self._listed()}; the masks hold {found._listed()}, "
            "taken in this order."
        )
        return found, [note, *evidence.noise_report()]

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
            strange = sorted(set(stored[labels < 0].tolist()))[:6]
            raise DataError(
                f"it holds the value(s) {strange}, but the classes are {self._listed()}."
            )
        numbers = _packed_values(self) or ()
        if self.is_noisy and len(numbers) > 2 and not self.colours:
            labels = without_slopes(labels, stored, np.asarray(numbers))
        labels[labels == self.classes] = IGNORED
        return torch.from_numpy(labels)

    def decode(self, labels: Int[Tensor, "*S"]) -> np.ndarray:
        """Turn class numbers back into the user's values, in the smallest type that holds them.

        Returns:
            Shape (*S), uint8, uint16 or int32; or (H, W, 3) uint8 for colours.
        """
        if self.colours:
            return np.asarray(self._all_stored, dtype=np.uint8)[labels.numpy()]
        low, high = min(self._all_stored), max(self._all_stored)
        wide = np.uint16 if low >= 0 and high < 2**16 else np.int32
        kind = np.uint8 if low >= 0 and high < 2**8 else wide
        return np.asarray(self._all_stored, dtype=kind)[labels.numpy()]

    @property
    def _all_stored(self) -> tuple[Any, ...]:
        """The number or colour of each class; that of ignored voxels last, at index -1."""
        return (*(self.colours or self.values), *([] if self.ignored is None else [self.ignored]))

    def _classes_of(self, stored: np.ndarray) -> np.ndarray:
        """Class of each stored value, shape (n,), int64; K if ignored, -1 where there is none."""
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

    def _told(self) -> list[str]:
        """What regions there are and what is ignored, in plain words."""
        told = []
        for region in self.regions:
            made_of = ", ".join(str(self._all_stored[index]) for index in region.classes)
            told.append(f"{region.name} is a region: the voxels of {made_of}.")
        if self.ignored is not None:
            told.append(f"Voxels of {self.ignored} count neither in training nor in figures.")
        return told

    def _listed(self) -> str:
        pairs = zip(self._all_stored, [*self.names, IGNORE], strict=False)
        return ", ".join(f"{value} ({name})" for value, name in pairs)


def _packed_values(label_map: LabelMap | None) -> tuple[int, ...] | None:
    """The stored values, that of ignored voxels last; colours packed into one number each."""
    if label_map is None:
        return None
    if label_map.colours:
        return tuple(pack_colours(np.asarray(label_map._all_stored)).tolist())
    return label_map._all_stored


def _stored(values: Sequence[int], evidence: Evidence) -> dict[str, object]:
    if evidence.is_colour:
        colours = [tuple(row) for row in unpack_colours(np.asarray(values)).tolist()]
        return {"colours": colours, "is_noisy": evidence.is_noisy}
    return {"values": tuple(values), "is_noisy": evidence.is_noisy}
