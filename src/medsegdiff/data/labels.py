"""Labels: which values stand for which class, and the regions that classes make up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from pydantic import model_serializer, model_validator
from torch import Tensor
from typing_extensions import Self

from medsegdiff.data.declared_labels import IGNORE, Region, declared_labels
from medsegdiff.data.label_evidence import Evidence, gather_evidence, unpack_colours
from medsegdiff.data.stored_classes import StoredClasses
from medsegdiff.data.terminology import Concept
from medsegdiff.errors import DataError
from medsegdiff.types import MaskCoding


class LabelMap(StoredClasses):
    """The user's value (or colour) of every class, background first, and what is made of classes.

    Args:
        names, values, colours, is_noisy, ignored: as in `StoredClasses`.
        regions: what is drawn and scored in place of the classes, in the order in which they are
            painted; empty without regions.
        codes: what classes and regions are in a terminology, of those that have a code.
    """

    regions: tuple[Region, ...] = ()
    codes: tuple[Concept, ...] = ()

    @model_validator(mode="after")
    def _regions_are_made_of_classes(self) -> Self:
        numbers = {one for region in self.regions for one in (*region.classes, region.painted)}
        if not numbers <= set(range(1, len(self.names))):
            raise ValueError(f"the regions {self.regions} are not made of the classes {self.names}")
        return self

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
        """Leave out what there is none of, as older programs do."""
        written = handler(self)
        unused = {
            "regions": not self.regions,
            "codes": not self.codes,
            "ignored": self.ignored is None,
        }
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
        evidence = gather_evidence(masks, declared.packed if declared else None, is_certain)
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
        return found, [*findings, f"Masks hold {found.listed()}.", *evidence.noise_report()]

    def _compared(self, evidence: Evidence, is_certain: bool) -> tuple[Self, list[str]]:
        """Keep the declared map if the masks agree, else their values in order where safe."""
        seen = set(evidence.classes)
        if seen <= set(self.packed) and evidence.is_colour <= bool(self.colours):
            return self.model_copy(update={"is_noisy": evidence.is_noisy}), evidence.noise_report()
        is_plain = self.classes == 2 and self.ignored is None
        in_order = not is_certain and (not evidence.is_colour or is_plain)
        seen -= set(self.packed[self.classes :])
        if not in_order or len(seen) != self.classes:
            raise DataError(
                f"dataset.json declares {self.listed()}, but the masks hold {evidence.listed()}. "
                'Give the stored value of every class as "label_values": {"name": value}, or as '
                '"colors": {"name": [r, g, b]}.'
            )
        kept = {"names": self.names, "regions": self.regions, "ignored": self.ignored}
        found = self.model_validate({**kept, **_stored(sorted(seen), evidence)})
        note = (
            f"dataset.json declares {self.listed()}; the masks hold {found.listed()}, "
            "taken in this order."
        )
        return found, [note, *evidence.noise_report()]

    def _told(self) -> list[str]:
        """What regions there are and what is ignored, in plain words."""
        told = []
        for region in self.regions:
            made_of = ", ".join(str(self.stored[index]) for index in region.classes)
            told.append(f"{region.name} is a region: the voxels of {made_of}.")
        if self.ignored is not None:
            told.append(f"Voxels of {self.ignored} count neither in training nor in figures.")
        return told


def _stored(values: Sequence[int], evidence: Evidence) -> dict[str, object]:
    if evidence.is_colour:
        colours = [tuple(row) for row in unpack_colours(np.asarray(values)).tolist()]
        return {"colours": colours, "is_noisy": evidence.is_noisy}
    return {"values": tuple(values), "is_noisy": evidence.is_noisy}
