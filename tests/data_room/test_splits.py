from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.data.splits import Splits, folds, seeded_splits
from medsegdiff.errors import DataError

studies = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 9)).map(lambda pair: f"p{pair[0]}_{pair[1]}"),
    unique=True,
    min_size=3,
).filter(lambda names: len(set(map(patient, names))) >= 3)


def patient(study: str) -> str:
    return study.split("_")[0]


@given(studies, st.integers(0, 99), st.sampled_from([0.0, 0.1, 0.3]), st.sampled_from([0.0, 0.2]))
def test_splits_share_no_patient_and_lose_no_study(
    names: list[str], seed: int, val: float, test: float
) -> None:
    splits = seeded_splits(names, patient, seed, val, test)
    assert splits.shared_groups(patient) == {}
    assert sorted(chain(splits.train, splits.val, splits.test)) == sorted(names)
    assert splits.train
    assert bool(splits.val) == (val > 0)
    assert bool(splits.test) == (test > 0)


@given(studies, st.randoms())
def test_splits_do_not_depend_on_the_order_of_names(names: list[str], random: object) -> None:
    before = seeded_splits(names, patient, seed=1)
    random.shuffle(names)
    assert seeded_splits(names, patient, seed=1) == before


def test_the_seed_decides_and_the_share_is_kept() -> None:
    names = [f"p{i}_0" for i in range(200)]
    first, second = (seeded_splits(names, patient, seed, val=0.15, test=0.1) for seed in (0, 1))
    assert first.val != second.val
    assert (len(first.val), len(first.test)) == (30, 20)


@given(studies, st.integers(0, 99))
def test_folds_validate_every_study_once_and_share_no_patient(names: list[str], seed: int) -> None:
    parts = folds(names, patient, n=3, seed=seed)
    assert sorted(chain.from_iterable(part.val for part in parts)) == sorted(names)
    assert all(sorted(part.train + part.val) == sorted(names) for part in parts)
    assert all(part.shared_groups(patient) == {} for part in parts)


def test_too_few_patients_are_refused() -> None:
    with pytest.raises(DataError, match="cannot be divided"):
        seeded_splits(["p1_a", "p1_b"], patient)
    with pytest.raises(DataError, match="3 folds"):
        folds(["p1_a", "p2_a"], patient, n=3)


def test_a_torn_patient_is_named() -> None:
    with pytest.raises(DataError, match="p1 in train and val"):
        Splits(train=("p1_a", "p2_a"), val=("p1_b",)).checked(patient)
