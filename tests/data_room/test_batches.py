from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from medsegdiff.data import Folder, Preparation, PreparedCache, batch_indices
from medsegdiff.data.preparation import fitted_grid
from medsegdiff.errors import DataError

Make = Callable[..., Folder]


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 9))
def test_every_epoch_holds_every_study_once(n: int, batch_size: int, seed: int) -> None:
    steps = -(-3 * n // batch_size)
    stream = [i for step in range(steps) for i in batch_indices(n, batch_size, step, seed)]
    assert all(sorted(stream[start : start + n]) == list(range(n)) for start in (0, n, 2 * n))


def test_no_batch_is_short_and_none_is_dropped() -> None:
    counts = Counter(i for step in range(70) for i in batch_indices(7, 4, step, seed=0))
    assert set(counts.values()) == {40}
    assert len(batch_indices(3, 8, 0, seed=0)) == 8


def test_the_stream_can_be_entered_anywhere() -> None:
    there = batch_indices(11, 4, 1000, seed=3)
    for step in range(5):
        batch_indices(11, 4, step, seed=3)
    assert batch_indices(11, 4, 1000, seed=3) == there


def test_seed_and_epoch_change_the_order() -> None:
    first = batch_indices(50, 50, 0, seed=0)
    assert first != batch_indices(50, 50, 1, seed=0)
    assert first != batch_indices(50, 50, 0, seed=1)
    assert first[:5] == [20, 41, 19, 46, 0]


@given(st.integers(1, 12), st.integers(0, 200), st.floats(0, 1))
def test_every_batch_has_its_share_of_foreground(batch_size: int, step: int, share: float) -> None:
    batch = batch_indices(20, batch_size, step, 0, foreground=[3, 7, 11], share=share)
    assert len(batch) == batch_size
    assert sum(i in (3, 7, 11) for i in batch) >= share * batch_size - 1e-6
    assert batch == batch_indices(20, batch_size, step, 0, [3, 7, 11], share)


def test_forced_rows_are_whole_and_alternate() -> None:
    others = 1000, 1001  # no index of a plain row
    batches = [batch_indices(1000, 100, step, 0, others, share=0.07) for step in range(2)]
    forced = [i for batch in batches for i in batch if i in others]
    assert Counter(forced) == {1000: 7, 1001: 7}


def test_forced_rows_lie_anywhere_for_rows_have_noise_levels() -> None:
    batches = [batch_indices(20, 8, step, 0, [20], share=0.25) for step in range(400)]
    places = Counter(row for batch in batches for row, i in enumerate(batch) if i == 20)
    assert sum(places.values()) == 800
    assert min(places.values()) > 70, places
    assert len(places) == 8


def test_without_a_share_nothing_changes() -> None:
    assert batch_indices(50, 8, 3, 1, foreground=[2], share=0) == batch_indices(50, 8, 3, 1)


def cache(folder: Folder, max_bytes: int = 2**20) -> PreparedCache:
    return PreparedCache(
        folder,
        Preparation.fit(fitted_grid(folder, folder.ids(), 16), folder, folder.ids()),
        max_bytes,
    )


def test_a_kept_study_is_not_read_again(make_folder: Make) -> None:
    kept = cache(make_folder())
    first = kept["a"]
    (kept.dataset.files("a")[0]).unlink()
    assert kept["a"] is first


def test_memory_is_bounded_and_the_oldest_goes_first(make_folder: Make) -> None:
    one = cache(make_folder())["a"].size_bytes
    kept = cache(make_folder(), max_bytes=2 * one)
    first = kept["a"]
    for study in "bacd":
        kept[study]
        assert kept.kept_bytes <= 2 * one
    assert kept["a"] is not first
    assert cache(make_folder(), max_bytes=1)["a"].image.equal(first.image)


def test_a_batch_is_stacked(make_folder: Make) -> None:
    image, labels = cache(make_folder()).batch(["c", "a", "c"])
    assert image.shape == (3, 1, 16, 16)
    assert labels[0].equal(labels[2])


def test_studies_with_foreground_are_found(make_folder: Make) -> None:
    folder = make_folder("abc")
    empty = Image.new("L", (32, 24))
    empty.save(folder.root / "masks/b.png")
    kept = cache(Folder(root=folder.root))
    assert kept.with_foreground(["a", "b", "c"]) == {"a", "c"}
    with pytest.raises(DataError, match="None of the 1 training studies has a mask that outlines"):
        kept.with_foreground(["b"])


def test_a_batch_without_mask_is_refused(make_folder: Make) -> None:
    folder = make_folder("ab")
    (folder.root / "masks/b.png").unlink()
    with pytest.raises(DataError, match="No mask to train on for: b"):
        cache(Folder(root=folder.root)).batch(["a", "b"])


@pytest.fixture
def rated(make_folder: Make, save: Callable) -> PreparedCache:
    """Studies a, b and c; two raters drew other masks of a, one of b."""
    folder = make_folder("abc")
    for rater, study, first in (("r1", "a", 0), ("r2", "a", 20), ("r2", "b", 30)):
        mask = np.zeros((24, 32), dtype=np.uint8)
        mask[:, first:] = 255
        save(f"raters/{rater}/{study}.png", mask)
    return cache(Folder(root=folder.root))


def test_draws_choose_raters(rated: PreparedCache) -> None:
    draws = torch.tensor([0.0, 0.49, 0.5, 0.999, 0.1, 0.7])
    _, labels = rated.batch([*"aaaa", "b", "c"], draws)
    r1, r2 = rated["a"].raters["r1"], rated["a"].raters["r2"]
    expected = [r1, r1, r2, r2, rated["b"].raters["r2"], rated["c"].labels]
    assert labels.equal(torch.stack(expected))
    assert not r1.equal(r2)


def test_without_draws_the_consensus_is_taken(rated: PreparedCache) -> None:
    _, labels = rated.batch("abc")
    assert all(one.equal(rated[study].labels) for one, study in zip(labels, "abc", strict=True))


def test_raters_count_as_memory(rated: PreparedCache) -> None:
    plain, both = rated["c"].size_bytes, rated["a"].size_bytes
    assert both - plain == 2 * rated["a"].labels.numel() * 8


def test_raters_are_asked_for_in_vain(rated: PreparedCache) -> None:
    rated.check_raters(["c", "b"])
    with pytest.raises(DataError, match="None of the 1 training studies has masks of several"):
        rated.check_raters(["c"])
