"""Whom a picture shows: kept out of every text, and recognised in the names of folders."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

SHORT = 2  # letters that a word of a name must have
LONG = 4  # letters from which it is recognised inside of another word, too


@dataclass(frozen=True)
class Patient:
    """Who the headers of a file say that it shows.

    Args:
        number: the patient's; empty without one.
        words: of the name and the number, plain; none where the headers say that they do not
            identify anybody (Patient Identity Removed).
    """

    number: str = field(repr=False)
    words: frozenset[str] = field(repr=False)

    def is_named_in(self, text: str) -> bool:
        """Whether a text, as the name of a folder, holds the number or a word of the name."""
        parts = _plain_words(text)
        whole = "".join(parts)
        return any(word in parts or (len(word) >= LONG and word in whole) for word in self.words)


def patient_of(dataset: Dataset) -> Patient:
    """Find the patient in the headers of a file."""
    number = str(dataset.get("PatientID") or "").strip()
    if str(dataset.get("PatientIdentityRemoved", "")).strip().upper() == "YES":
        return Patient(number, frozenset())
    names = _plain_words(str(dataset.get("PatientName") or ""))
    words = {word for word in names if len(word) >= SHORT} | {"".join(_plain_words(number))}
    return Patient(number, frozenset(words - {""}))


def _plain_words(text: str) -> list[str]:
    """Words in small letters without accents, punctuation left out."""
    letters = (one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return re.findall(r"[^\W_]+", "".join(letters).casefold())
