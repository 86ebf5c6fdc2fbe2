"""Classes of a data set whose masks are made of named segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from medsegdiff.data.declaration import Declaration
from medsegdiff.data.declared_labels import IGNORE, declared_labels
from medsegdiff.data.dicom.selection import folded
from medsegdiff.data.dicom_search import Drawing
from medsegdiff.data.folder_tree import some
from medsegdiff.data.terminology import Concept
from medsegdiff.errors import DataError

BACKGROUND = "background"


def with_classes(declared: Declaration, drawings: Sequence[Drawing], path: Path) -> Declaration:
    """Number the classes as the segments are read, 1, 2, ... : those declared, else all by name.

    Codes that are not declared are those of the segments, where all files agree.

    Args:
        declared: by the data set.
        drawings: all segmentations.
        path: of `dataset.json`, for errors.

    Raises:
        DataError: regions, stored values or colours are declared, or labels that contradict.
    """
    if declared.labels:
        names = _by_number(declared, path)
    else:
        drawn = {folded(name): name.strip() for one in drawings for name in one.names}
        names = [BACKGROUND, *sorted(drawn[key] for key in drawn.keys() - {BACKGROUND})]
    labels = {name: k for k, name in enumerate(names)}
    told = {folded(concept.name) for concept in declared.codes}
    others = [name for name in names[1:] if folded(name) not in told]
    codes = (*declared.codes, *_codes(others, drawings))
    return declared.model_copy(update={"labels": labels, "codes": codes})


def lacking(classes: Sequence[str], drawn: Mapping[str, Drawing]) -> list[str]:
    """Say which classes are not among the segments of which studies.

    Args:
        classes: their names, without the background.
        drawn: the segmentation of each study.
    """
    found = []
    for name in classes:
        without = [
            study for study, one in drawn.items() if folded(name) not in map(folded, one.names)
        ]
        if without and name != IGNORE:
            found.append(f"No segment {name!r}, and so none of it, in {some(sorted(without))}.")
    return found


def _codes(names: Sequence[str], drawings: Sequence[Drawing]) -> tuple[Concept, ...]:
    """What the classes are in a terminology: of those to which all files give one code."""
    given: dict[str, set[tuple[str, ...]]] = {}
    for drawing in drawings:
        for name, code in drawing.codes.items():
            given.setdefault(folded(name), set()).add(code)
    found = []
    for name in names:
        if len(codes := given.get(folded(name), ())) == 1:
            value, scheme, meaning = next(iter(codes))
            with suppress(ValidationError):  # longer than the standard allows
                found.append(Concept(name=name, value=value, scheme=scheme, meaning=meaning))
    return tuple(found)


def _by_number(declared: Declaration, path: Path) -> list[str]:
    """Names of the declared classes, the background first."""
    labels = declared.labels or {}
    regions = [name for name, given in labels.items() if isinstance(given, list) and len(given) > 1]
    if regions or declared.label_values or declared.colors:
        what = f"the region {regions[0]!r}" if regions else "stored values or colours"
        raise DataError(
            f"{path} declares {what}, but segments of DICOM files are read by their names. Give "
            'each one number: {"background": 0, "Liver": 1}.'
        )
    declared_labels(labels)
    numbers = {name: _one(given) for name, given in labels.items()}
    return sorted(numbers, key=lambda name: (numbers[name] != 0, numbers[name]))


def _one(given: Any) -> int:
    return given[0] if isinstance(given, list) else given
