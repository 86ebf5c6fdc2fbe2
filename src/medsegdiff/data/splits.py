"""Which studies are trained on, validated on and tested on; no patient is in two of these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from hashlib import blake2b

from medsegdiff.component import Config
from medsegdiff.errors import DataError


class Splits(Config):
    """Names of the studies in each split."""

    train: tuple[str, ...] = ()
    val: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    def shared_groups(self, group_of: Callable[[str], str]) -> dict[str, tuple[str, ...]]:
        """Find the groups that lie in more than one split, with the names of these splits."""
        places: dict[str, list[str]] = defaultdict(list)
        for split in ("train", "val", "test"):
            for group in dict.fromkeys(map(group_of, getattr(self, split))):
                places[group].append(split)
        return {group: tuple(splits) for group, splits in places.items() if len(splits) > 1}

    def checked(self, group_of: Callable[[str], str]) -> Splits:
        """Return the splits themselves if no group is torn apart.

        Raises:
            DataError: a group (a patient) has studies in two splits.
        """
        shared = self.shared_groups(group_of)
        if shared:
            named = "; ".join(
                f"{group} in {' and '.join(place)}" for group, place in list(shared.items())[:5]
            )
            raise DataError(
                f"{len(shared)} patient(s) are in more than one split: {named}. Figures on the "
                "test split would be too good. Move all studies of a patient into one split."
            )
        return self


def seeded_splits(
    studies: Iterable[str],
    group_of: Callable[[str], str],
    seed: int = 0,
    val: float = 0.15,
    test: float = 0.0,
) -> Splits:
    """Split studies at random, whole groups at a time.

    The same names and seed give the same splits on every machine, in whatever order the names come.

    Args:
        studies: their names.
        group_of: the patient of a study.
        seed: another seed, other splits.
        val: share of the studies for validation, 0 to 1; at least one group if above 0.
        test: share for testing, likewise.

    Raises:
        DataError: there are fewer groups than splits to fill.
    """
    groups = _shuffled_groups(studies, group_of, seed)
    needed = 1 + (val > 0) + (test > 0)
    if len(groups) < needed:
        raise DataError(
            f"{len(groups)} patient(s) or ungrouped studies cannot be divided into {needed} "
            "splits. Add studies of other patients."
        )
    total = sum(map(len, groups))
    taken = {
        "test": _take(groups, test * total, 1 + (val > 0)),
        "val": _take(groups, val * total, 1),
    }
    train = tuple(sorted(study for group in groups for study in group))
    return Splits(train=train, **taken).checked(group_of)


def folds(
    studies: Iterable[str], group_of: Callable[[str], str], n: int = 5, seed: int = 0
) -> list[Splits]:
    """Make n splits for cross-validation: every study is in the validation part of exactly one.

    Raises:
        DataError: there are fewer groups than folds.
    """
    groups = _shuffled_groups(studies, group_of, seed)
    if len(groups) < n or n < 2:
        raise DataError(
            f"{len(groups)} patient(s) or ungrouped studies cannot be divided into {n} folds. Add "
            "studies, or give train and val in splits.json and train fold 0."
        )
    parts: list[list[str]] = [[] for _ in range(n)]
    for group in sorted(groups, key=len, reverse=True):  # stable: the shuffled order within a size
        min(parts, key=len).extend(group)
    everything = [study for part in parts for study in part]
    return [
        Splits(train=tuple(sorted(set(everything) - set(part))), val=tuple(sorted(part))).checked(
            group_of
        )
        for part in parts
    ]


def _shuffled_groups(
    studies: Iterable[str], group_of: Callable[[str], str], seed: int
) -> list[list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for study in sorted(set(studies)):
        groups[group_of(study)].append(study)
    order = sorted(groups, key=lambda group: blake2b(f"{seed}/{group}".encode()).digest())
    return [groups[group] for group in order]


def _take(groups: list[list[str]], wanted: float, leave: int) -> tuple[str, ...]:
    """Move whole groups out of the list while that brings the count closer to `wanted`."""
    taken: list[str] = []
    for group in list(groups):
        if len(groups) <= leave or wanted <= 0:
            break
        if abs(len(taken) + len(group) - wanted) <= abs(len(taken) - wanted):
            taken.extend(group)
            groups.remove(group)
    if wanted > 0 and not taken:
        taken = min(groups, key=len)
        groups.remove(taken)
    return tuple(sorted(taken))
