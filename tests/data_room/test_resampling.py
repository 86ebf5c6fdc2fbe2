from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.data.resampling import area_shares, resample_labels, resize_labels

sizes = st.tuples(st.integers(5, 60), st.integers(5, 60))


def disc(diameter: float, size: tuple[int, int], centre: tuple[float, float]) -> torch.Tensor:
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    inside = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < diameter**2 / 4
    return torch.from_numpy(inside.astype(np.int64))


@given(sizes, sizes, st.integers(2, 4), st.integers(0, 2**31))
def test_every_class_keeps_its_area_to_one_pixel(
    old: tuple[int, int], new: tuple[int, int], classes: int, seed: int
) -> None:
    labels = torch.from_numpy(np.random.default_rng(seed).integers(0, classes, old))
    resized = resize_labels(labels, new)
    scale = new[0] * new[1] / (old[0] * old[1])
    for value in range(1, classes):
        area = (labels == value).sum() * scale
        assert abs((resized == value).sum() - area) <= (0.51 if value == 1 and classes == 2 else 1)


@pytest.mark.parametrize("target", [4, 6, 9.5, 16, 24])
def test_a_disc_keeps_its_area_to_one_percent_or_half_a_pixel(target: float) -> None:
    areas, scale = [], 5.3
    for shift in np.linspace(0, scale, 12):
        labels = disc(target * scale, (170, 212), (85 + shift, 100 + 0.7 * shift))
        areas.append(float(resize_labels(labels, (32, 40)).sum() * scale**2 / labels.sum()))
    half_a_pixel = 0.51 / (np.pi * target**2 / 4)  # no mask comes closer
    assert np.abs(np.asarray(areas) - 1).max() < max(0.01, half_a_pixel)


@pytest.mark.parametrize("diameter", [4, 9.5, 16, 24])
@pytest.mark.parametrize("size", [(60, 84, 72), (48, 60, 52), (40, 100, 90), (20, 40, 30)])
def test_a_ball_keeps_its_volume_to_one_percent_or_a_voxel(
    diameter: float, size: tuple[int, int, int]
) -> None:
    z, y, x = np.mgrid[:48, :72, :64] + 0.5
    inside = (z - 24.3) ** 2 + (y - 37.1) ** 2 + (x - 33.6) ** 2 < diameter**2 / 4
    labels = torch.from_numpy(inside.astype(np.int64) * np.where(z > 24, 2, 1))
    resized = resample_labels(labels, size)
    scale = math.prod(size) / labels.numel()
    for value in (1, 2):
        volume = float((labels == value).sum()) * scale
        assert abs(float((resized == value).sum()) - volume) <= max(0.01 * volume, 1)
    places = (resized > 0).nonzero().double().mean(dim=0) + 0.5
    centre = (labels > 0).nonzero().double().mean(dim=0) + 0.5
    expected = centre * torch.tensor(size) / torch.tensor(labels.shape)
    assert (places - expected).abs().max() < 0.3  # and its place


def test_no_class_pays_for_the_rounding_of_the_others() -> None:
    labels = torch.zeros(20, 20, 20, dtype=torch.int64)
    for value in range(1, 8):  # twelve voxels each, of which 1.5 are left
        labels[2 * value, 4:7, 4:8] = value
    resized = resample_labels(labels, (10, 10, 10))
    counts = [int((resized == value).sum()) for value in range(1, 8)]
    assert set(counts) == {1, 2}
    assert sum(counts) == 10  # of 10.5


def test_a_volume_without_structures_stays_one() -> None:
    assert resample_labels(torch.zeros(4, 6, 8, dtype=torch.int64), (4, 3, 4)).sum() == 0


def test_a_small_disc_keeps_its_own_dice_at_native_size() -> None:
    labels = disc(12, (64, 64), (31.3, 30.2))
    there = resize_labels(labels, (32, 32))
    back = resize_labels(there, (64, 64))
    assert 2 * (back & labels).sum() / (back.sum() + labels.sum()) > 0.9


def test_a_line_thinner_than_a_pixel_is_thinned_along_its_length() -> None:
    labels = torch.zeros(90, 90, dtype=torch.int64)
    labels[:, 40] = 1
    rows = resize_labels(labels, (30, 30))[:, 13].nonzero().flatten()
    assert len(rows) == 10
    assert rows.diff().max() <= 8  # from end to end, and nowhere cut short


@given(sizes, sizes)
def test_shares_are_exact(old: tuple[int, int], new: tuple[int, int]) -> None:
    inside = (torch.arange(old[0] * old[1]) % 3 == 0).float().reshape(old)
    repeated = inside.repeat_interleave(new[0], 0).repeat_interleave(new[1], 1).numpy()
    naive = repeated.reshape(new[0], old[0], new[1], old[1]).mean(axis=(1, 3))
    assert np.allclose(area_shares(inside, new).numpy(), naive, atol=1e-5)


def test_the_same_size_changes_nothing_and_an_empty_mask_stays_empty() -> None:
    labels = torch.randint(0, 3, (8, 9))
    assert resize_labels(labels, (8, 9)).equal(labels)
    assert resize_labels(torch.zeros(8, 9, dtype=torch.int64), (5, 5)).sum() == 0


@given(sizes, sizes, st.integers(0, 2**31))
def test_ignored_voxels_are_resized_like_a_class(
    old: tuple[int, int], new: tuple[int, int], seed: int
) -> None:
    labels = torch.from_numpy(np.random.default_rng(seed).integers(0, 2, old))
    assert torch.equal(resize_labels(-labels, new), -resize_labels(labels, new))
