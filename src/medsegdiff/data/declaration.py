"""What a data set says about itself in `dataset.json` and `splits.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator
from typing_extensions import Self

from medsegdiff.data.splits import Splits
from medsegdiff.data.terminology import Concept, concepts
from medsegdiff.errors import DataError

PROVENANCE = (
    "name",
    "description",
    "source",
    "licence",
    "license",
    "reference",
    "citation",
    "release",
)


class Declaration(BaseModel):
    """The entries of `dataset.json` that are acted upon; all are optional, others are let be.

    Args:
        channel_names: what each image channel shows, in order; older lists say `modality`.
        labels: class numbers by name, background 0; older lists give names by number. A region is
            several numbers, and "ignore" (here or beside `labels`) what is left out of account.
        regions_class_order: the number under which each region is stored in a mask, in order.
        label_values: stored values by name, where they are not the class numbers.
        colors: stored colours by name.
        groups: the patient of each study.
        group_pattern: a regular expression on a study's name; its first group is the patient.
        codes: what classes and regions are in SNOMED or another terminology.
        name, description, source, release: which data these are, and where they come from.
        licence, license, reference, citation: under which terms they may be used, and what to cite.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    channel_names: tuple[str, ...] = ()
    labels: dict[str, Any] | None = None
    regions_class_order: tuple[int, ...] | None = None
    label_values: dict[str, int] | None = None
    colors: dict[str, tuple[int, int, int]] | None = None
    groups: dict[str, str | int] = {}
    group_pattern: re.Pattern[str] | None = None
    codes: tuple[Concept, ...] = ()
    name: Any = None
    description: Any = None
    source: Any = None
    release: Any = None
    licence: Any = None
    license: Any = None
    reference: Any = None
    citation: Any = None

    @model_validator(mode="before")
    @classmethod
    def _older_names(cls, content: Any) -> Any:
        """Take the words of the Decathlon and of nnU-Net's first version."""
        if not isinstance(content, dict):
            return content
        modality = content.get("modality")
        if "channel_names" not in content and isinstance(modality, dict):
            content = {**content, "channel_names": modality}
        labels = content.get("labels")
        if isinstance(labels, dict) and labels and all(map(_is_number, labels)):
            named = {str(name): int(number) for number, name in labels.items()}
            content = {**content, "labels": named}
        ignored = content.get("ignore")
        if isinstance(ignored, int) and isinstance(content.get("labels"), dict):
            content = {**content, "labels": {**content["labels"], "ignore": ignored}}
        return content

    @field_validator("channel_names", mode="before")
    @classmethod
    def _in_order(cls, names: Any) -> Any:
        """Take nnU-Net's mapping {"0": name, "1": name} as well as a list."""
        if not isinstance(names, dict):
            return names
        numbered = all(map(_is_number, names))
        return tuple(str(names[key]) for key in (sorted(names, key=int) if numbered else names))

    @field_validator("codes", mode="before")
    @classmethod
    def _one_a_name(cls, codes: Any) -> Any:
        return concepts(codes) if isinstance(codes, dict) else codes

    @model_validator(mode="after")
    def _codes_are_of_labels(self) -> Self:
        strangers = sorted({concept.name for concept in self.codes} - set(self.labels or {}))
        if self.labels and strangers:
            raise ValueError(f"codes are given for {', '.join(strangers)}, not among the labels")
        return self

    @field_validator("group_pattern")
    @classmethod
    def _has_a_group(cls, pattern: re.Pattern[str] | None) -> re.Pattern[str] | None:
        if pattern is not None and pattern.groups < 1:
            raise ValueError("the pattern needs a group in parentheses: the patient")
        return pattern

    @property
    def of_labels(self) -> tuple[Any, ...]:
        """What `LabelMap.recognise` asks for beside the masks."""
        return self.labels, self.label_values, self.colors, self.regions_class_order

    @property
    def provenance(self) -> dict[str, Any]:
        """Which data these are, whose, and under which terms: what a copy must go on saying."""
        return {key: value for key in PROVENANCE if (value := getattr(self, key)) is not None}

    def group(self, study: str) -> str:
        """The patient that a study belongs to; the study itself when unknown."""
        if study in self.groups:
            return str(self.groups[study])
        found = self.group_pattern.search(study) if self.group_pattern else None
        return found.group(1) if found and found.group(1) else study


def read_declaration(path: Path) -> Declaration:
    """Read `dataset.json`; without the file, nothing is declared.

    Raises:
        DataError: it is not JSON, or an entry is not what it must be.
    """
    return parse_declaration(read_json(path), path) if path.is_file() else Declaration()


def parse_declaration(content: Any, path: Path) -> Declaration:
    """Take what a JSON file says about its data set.

    Args:
        content: of the file.
        path: its name, for errors.

    Raises:
        DataError: an entry is not what it must be.
    """
    if not isinstance(content, dict):
        raise DataError(
            f'{path} must hold an object, {{"labels": {{"background": 0, "tumour": 1}}, ...}}.'
        )
    try:
        return Declaration.model_validate(content)
    except ValidationError as error:
        raise DataError(f"{path} cannot be used: {_first_problem(error)}.") from None


def read_splits(path: Path, studies: Collection[str]) -> Splits | None:
    """Read `splits.json`; None without the file.

    Raises:
        DataError: it is not what it must be, or names a study that is not there.
    """
    if not path.is_file():
        return None
    try:
        splits = Splits.model_validate(read_json(path))
    except ValidationError as error:
        raise DataError(
            f'{path} must be {{"train": [names], "val": [names], "test": [names]}}: '
            f"{_first_problem(error)}."
        ) from None
    strangers = sorted({*splits.train, *splits.val, *splits.test} - set(studies))
    if strangers:
        raise DataError(
            f"{path} names {len(strangers)} studies that have no image: "
            f"{', '.join(strangers[:5])}. Correct the names (they are file names without their "
            "ending)."
        )
    return splits


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}".removeprefix(": ")


def _is_number(key: object) -> bool:
    return str(key).isdecimal()


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DataError: it is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is not valid JSON: {error}.") from None
