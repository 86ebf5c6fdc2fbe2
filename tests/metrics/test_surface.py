"""Distances between surfaces, and the two metrics made of them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from medsegdiff.metrics import HD95, NSD
from medsegdiff.metrics.surface import surface_distances


def square(top: int, left: int, side: int = 10, shape: tuple[int, int] = (40, 50)) -> Tensor:
    mask = torch.zeros(shape, dtype=torch.long)
    mask[top : top + side, left : left + side] = 1
    return mask


def test_a_shifted_square_is_as_far_as_its_shift():
    assert HD95()(square(5, 5), square(5, 11)).item() == 6
    assert HD95()(square(5, 5), square(5, 11), (1.0, 0.5)).item() == 3
    assert HD95()(square(5, 5), square(5, 11), (0.5, 2.0)).item() == 12


def test_one_stray_voxel_does_not_count_in_the_95th_percentile():
    stray = square(5, 5)
    stray[39, 49] = 1
    assert HD95()(stray, square(5, 5)).item() == 0


def test_the_larger_direction_counts():
    large, small = square(0, 0, 30), square(14, 14, 2)
    there, back = surface_distances(large == 1, small == 1, None)
    assert there.max() > back.max()
    assert HD95()(large, small) == HD95()(small, large)


def test_a_mask_that_fills_the_grid_has_its_surface_at_the_border():
    there, back = surface_distances(torch.ones(5, 4) == 1, torch.ones(5, 4) == 1, None)
    assert len(there) == len(back) == 2 * 4 + 2 * 3


def test_nsd_counts_surface_voxels_within_the_tolerance():
    one, other = square(5, 5), square(5, 8)
    assert NSD(tolerance=3)(one, other).item() == 1
    assert NSD(tolerance=3)(one, other, (1.0, 1.5)).item() < 1
    there, back = surface_distances(one == 1, other == 1, None)
    within = (there <= 1).sum() + (back <= 1).sum()
    assert NSD(tolerance=1)(one, other).item() == pytest.approx(within / 72)


def test_a_large_mask(benchmark):
    one, other = square(20, 30, 180, (256, 256)), square(26, 24, 190, (256, 256))
    assert benchmark(HD95(), one, other).item() > 0
