from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.data.patches import (
    Window,
    WindowDraws,
    central,
    drawn_window,
    foreground_voxels,
    window_weight,
    windows_over,
)

SIDES = st.tuples(st.integers(1, 9), st.integers(1, 40), st.integers(1, 40))


@given(
    SIDES, st.tuples(st.integers(1, 12), st.integers(1, 20), st.integers(1, 20)), st.floats(0, 0.9)
)
def test_windows_cover_every_voxel_and_no_more_than_they_must(shape, size, overlap):
    seen = torch.zeros(shape)
    for row in windows_over(shape, size, overlap):
        assert len({window.corner[0] for window in row}) == 1
        for window in row:
            here, _ = window.inside(shape)
            seen[here] += 1
    assert seen.min() >= 1


def test_windows_overlap_by_the_share_asked_for():
    row = [window for (window,) in windows_over((8, 100), (8, 20), overlap=0.5)]
    starts = [window.corner[1] for window in row]
    assert starts == [0, 10, 20, 30, 40, 50, 60, 70, 80]


def test_a_window_larger_than_the_study_is_centred_and_padded():
    ((window,),) = windows_over((3, 4), (5, 8), 0.5)
    cut = window.cut(torch.ones(2, 3, 4))
    assert cut.shape == (2, 5, 8)
    assert torch.equal(cut[:, 1:4, 2:6], torch.ones(2, 3, 4))
    assert cut.sum() == 24


def test_a_cut_shows_what_is_there():
    values = torch.arange(60.0).view(1, 3, 4, 5)
    assert torch.equal(Window((1, 1, 2), (2, 3, 3)).cut(values), values[:, 1:, 1:, 2:])
    assert Window((0, -2, 0), (1, 3, 5)).cut(values)[0, 0].tolist()[:2] == [[0.0] * 5] * 2


def test_the_middle_of_a_window_counts_most():
    weight = window_weight((4, 9, 8))
    assert weight.argmax() in (weight == weight.max()).flatten().nonzero()
    assert weight[1, 4, 3] == weight.max()
    assert weight.min() > 0
    assert torch.equal(weight, weight.flip(0, 1, 2))


def test_a_forced_window_holds_foreground():
    labels = torch.zeros(20, 40, 40, dtype=torch.long)
    labels[3, 35, 7] = 2
    places = foreground_voxels(labels)
    for seed in range(30):
        draws = torch.rand(5, generator=torch.Generator().manual_seed(seed))
        window = drawn_window((20, 40, 40), (6, 8, 10), draws, places)
        assert window.cut(labels).any(), seed
        assert window.inside((20, 40, 40))[1] == tuple(slice(0, n) for n in window.size)


def test_free_windows_reach_every_corner():
    corners = {
        drawn_window(
            (5, 6), (4, 4), torch.rand(4, generator=torch.Generator().manual_seed(i))
        ).corner
        for i in range(200)
    }
    assert corners == {(y, x) for y in range(2) for x in range(3)}


def test_every_class_is_remembered_in_bounded_number():
    labels = torch.ones(64, 64, 16, dtype=torch.long)
    labels[0] = 0
    labels[5, 5, 5] = 3
    many, one = foreground_voxels(labels)
    assert len(many) <= 2**13
    assert one.tolist() == [[5, 5, 5]]


def test_some_rows_of_a_batch_are_forced_and_slices_keep_their_depth():
    generator = torch.Generator().manual_seed(0)
    drawn = [WindowDraws.draw((1, 10, 20), 6, 2, generator) for _ in range(300)]
    assert {one.size for one in drawn} == {(1, 12, 24)}
    forced = torch.stack([one.forced for one in drawn]).double()
    assert (forced.sum(1) == 2).all()
    assert (forced.mean(0) - 1 / 3).abs().max() < 0.1, "each row as often, whatever its noise level"


@pytest.mark.parametrize("size", [(4, 6), (3, 5)])
def test_the_middle_is_cut(size):
    values = torch.zeros(2, 8, 9)
    middle = central(values, size)
    middle += 1
    assert middle.shape == (2, *size)
    assert values[:, 3, 4].sum() == 2
