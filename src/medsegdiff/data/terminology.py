"""What the classes are in the words of a terminology, so that other programs know them too.

    "codes": {"liver": "10200004", "tumour": ["108369006", "SCT", "Neoplasm"]}

Source: DICOM PS3.3, 8.8 (code value, coding scheme designator, code meaning); SCT is SNOMED CT.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from medsegdiff.component import Config

SNOMED = "SCT"


class Concept(Config):
    """The code of one class or region.

    Args:
        name: of the class or region, as it is in `labels`.
        value: the code, as "10200004"; at most 16 characters.
        scheme: who gives the codes; "SCT" is SNOMED CT.
        meaning: the code in words, as "Liver".
    """

    name: str
    value: str = Field(min_length=1, max_length=16)
    scheme: str = Field(default=SNOMED, min_length=1, max_length=16)
    meaning: str = Field(min_length=1, max_length=64)

    @property
    def declared(self) -> list[str]:
        """As it is written in `dataset.json`."""
        return [self.value, self.scheme, self.meaning]


def concepts(codes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields of a `Concept` for each entry of `codes`.

    An entry is a SNOMED code alone, [value, scheme, meaning], or an object with these keys; where
    no meaning is given, the name of the class is taken.
    """
    return [{"meaning": name[:64], **_fields(given), "name": name} for name, given in codes.items()]


def _fields(given: Any) -> dict[str, Any]:
    if isinstance(given, Mapping):
        return dict(given)
    parts = given if isinstance(given, (list, tuple)) else [given]
    fields: dict[str, Any] = dict(zip(("value", "scheme", "meaning"), parts, strict=False))
    is_number = isinstance(fields.get("value"), int) and not isinstance(fields["value"], bool)
    return {**fields, "value": str(fields["value"])} if is_number else fields
