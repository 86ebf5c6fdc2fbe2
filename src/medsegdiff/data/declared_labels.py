"""What `dataset.json` says of the labels: classes, regions and the ignored label, as in nnU-Net.

    "labels": {"background": 0, "whole": [1, 2, 3], "core": [1, 3], "enhancing": 3, "ignore": 4},
    "regions_class_order": [2, 1, 3]

Source: nnU-Net's documentation, region_based_training.md and ignore_label.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medsegdiff.component import Config
from medsegdiff.errors import DataError

IGNORE = "ignore"  # nnU-Net's name of the label that is left out of account
Colour = tuple[int, int, int]


class Region(Config):
    """A structure made of classes; regions may overlap.

    Args:
        name: what it is.
        classes: their numbers.
        painted: the class that stands for it in a label map.
    """

    name: str
    classes: tuple[int, ...]
    painted: int

    @property
    def declared(self) -> int | list[int]:
        """Its classes as nnU-Net writes them: one number, or a list."""
        return self.classes[0] if len(self.classes) == 1 else list(self.classes)


def declared_labels(
    labels: Mapping[str, Any],
    label_values: Mapping[str, int] | None = None,
    colours: Mapping[str, Sequence[int]] | None = None,
    order: Sequence[int] | None = None,
) -> dict[str, Any]:
    """The fields of the `LabelMap` that is declared.

    Args:
        labels: one number for each class, or several for a region.
        label_values: stored values by name, where they are not these numbers.
        colours: stored colours by name.
        order: the number that each region is stored under.

    Raises:
        DataError: they contradict each other; says how.
    """
    of_name = {name: _numbers(name, given, labels) for name, given in labels.items()}
    ignored = of_name.pop(IGNORE, None)
    single = {numbers[0]: name for name, numbers in of_name.items() if len(numbers) == 1}
    has_regions = any(len(given) > 1 for given in of_name.values())
    is_twice = len(single) < len(of_name) and not has_regions
    present = {number for numbers in of_name.values() for number in numbers}
    numbers = sorted(present, key=lambda number: (number != 0, number))
    is_ignored_twice = ignored is not None and (len(ignored) > 1 or not present.isdisjoint(ignored))
    if 0 not in single or len(numbers) < 2 or is_twice or is_ignored_twice:
        raise DataError(
            f"The labels in dataset.json are {dict(labels)}; they need a background 0, a class "
            f"or more, and for each of them (and for {IGNORE!r}) a number of its own. Stored "
            "values that differ from these numbers go into label_values."
        )
    names = tuple(single.get(number, f"label_{number}") for number in numbers)
    regions = _regions(of_name, numbers, order) if has_regions else ()
    found: dict[str, Any] = {"names": names, "regions": regions}
    drawn = dict(colours or {})
    if drawn and set(names[1:]) <= set(drawn):
        given = [tuple(map(int, drawn.get(name, (0, 0, 0)))) for name in names]
        return {**found, "colours": given, "ignored": _ignored_colour(ignored, drawn)}
    stored = _stored(names, numbers, label_values or {}, of_name)
    return {**found, "values": stored, "ignored": _ignored_value(ignored, label_values or {})}


def _numbers(name: str, given: Any, labels: Mapping[str, Any]) -> tuple[int, ...]:
    """The class numbers of one name, without repetition."""
    listed = list(given) if isinstance(given, (list, tuple)) else [given]
    is_number = [isinstance(one, int) and not isinstance(one, bool) for one in listed]
    if not listed or not all(is_number) or (len(listed) > 1 and 0 in listed):
        raise DataError(
            f"dataset.json declares the label {name!r} as {given!r} among {dict(labels)}; a class "
            "is one whole number, and a region a list of those of its classes, without the "
            "background 0."
        )
    return tuple(dict.fromkeys(listed))


def _regions(
    of_name: Mapping[str, tuple[int, ...]], numbers: Sequence[int], order: Sequence[int] | None
) -> tuple[Region, ...]:
    regions = {name: given for name, given in of_name.items() if given != (0,)}
    order = order or ()
    pairs = zip(order, regions.values(), strict=False)
    if len(order) != len(regions) or not all(number in given for number, given in pairs):
        listed = ", ".join(f"{name} {list(given)}" for name, given in regions.items())
        raise DataError(
            f"dataset.json declares the regions {listed} with regions_class_order {list(order)}. "
            "Give one number for each region, in the same order and out of its own: the one that "
            "its voxels are stored under where no later region lies over it."
        )
    place = {number: index for index, number in enumerate(numbers)}
    return tuple(
        Region(name=name, classes=tuple(place[one] for one in given), painted=place[number])
        for (name, given), number in zip(regions.items(), order, strict=True)
    )


def _stored(
    names: Sequence[str],
    numbers: Sequence[int],
    label_values: Mapping[str, int],
    of_name: Mapping[str, tuple[int, ...]],
) -> tuple[int, ...]:
    for name in label_values:
        if len(of_name.get(name, ())) > 1:
            raise DataError(
                f'dataset.json gives the region {name!r} one of the "label_values", but a region '
                "has no value of its own. Give its classes theirs."
            )
    pairs = zip(names, numbers, strict=True)
    return tuple(int(label_values.get(name, number)) for name, number in pairs)


def _ignored_value(ignored: tuple[int, ...] | None, label_values: Mapping[str, int]) -> int | None:
    return None if ignored is None else int(label_values.get(IGNORE, ignored[0]))


def _ignored_colour(
    ignored: tuple[int, ...] | None, colours: Mapping[str, Sequence[int]]
) -> Colour | None:
    if ignored is None:
        return None
    if IGNORE not in colours:
        raise DataError(
            f"dataset.json gives every class a colour but not the label {IGNORE!r}. Add it to "
            "colors."
        )
    red, green, blue = map(int, colours[IGNORE])
    return red, green, blue
