"""Metrics of volumes against MONAI's and against plain distance transforms of the whole grid."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from medsegdiff.metrics import ASSD, HD95, NSD, LesionPrecision, LesionSensitivity
from medsegdiff.metrics.surface import nearest_by_transform, nearest_by_tree, surface_distances

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    oracle = pytest.importorskip("monai.metrics")

pytestmark = pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
TOLERANCE = 1e-6  # MONAI computes in float32
SPACINGS = [(1.0, 1.0, 1.0), (5.0, 0.7, 0.7), (0.5, 2.25, 1.0)]
all_spacings = pytest.mark.parametrize("spacing", SPACINGS)
ten_seeds = pytest.mark.parametrize("seed", range(10))


def blobs(seed: int, shape: tuple[int, ...] = (14, 21, 18), speckle: float = 0.01) -> Tensor:
    """Smooth random shapes with speckle, some of them cut by the border."""
    generator = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(generator.normal(size=shape), 2)
    mask = (smooth > np.quantile(smooth, 0.8)) ^ (generator.random(shape) < speckle)
    return torch.from_numpy(mask).long()


def plain_distances(one: Tensor, other: Tensor, spacing: tuple[float, ...]) -> np.ndarray:
    """From the surface of one to that of the other, by a transform of the whole grid."""
    here, there = (
        mask & ~ndimage.binary_erosion(mask) for mask in (one.numpy() > 0, other.numpy() > 0)
    )
    return ndimage.distance_transform_edt(~there, sampling=spacing)[here]


@all_spacings
@ten_seeds
def test_surface_metrics_are_those_of_monai(seed, spacing):
    one, other = blobs(seed), blobs(seed + 100)
    pair = one[None, None].float(), other[None, None].float()
    given = {"include_background": True, "spacing": spacing}
    hd95 = oracle.compute_hausdorff_distance(*pair, percentile=95, **given).item()
    assd = oracle.compute_average_surface_distance(*pair, symmetric=True, **given).item()
    nsd = oracle.compute_surface_dice(*pair, class_thresholds=[1.1], **given).item()
    assert HD95()(one, other, spacing).item() == pytest.approx(hd95, rel=TOLERANCE)
    assert ASSD()(one, other, spacing).item() == pytest.approx(assd, rel=TOLERANCE)
    assert NSD(tolerance=1.1)(one, other, spacing).item() == pytest.approx(nsd, abs=TOLERANCE)


@all_spacings
@ten_seeds
def test_surface_metrics_are_those_of_a_plain_distance_transform(seed, spacing):
    one, other = blobs(seed), blobs(seed + 100)
    there = plain_distances(one, other, spacing)
    back = plain_distances(other, one, spacing)
    hd95 = max(np.percentile(there, 95), np.percentile(back, 95))
    assert HD95()(one, other, spacing).item() == pytest.approx(hd95, abs=1e-9)
    both = np.concatenate([there, back])
    assert ASSD()(one, other, spacing).item() == pytest.approx(both.mean(), abs=1e-9)
    assert NSD()(one, other, spacing).item() == pytest.approx((both <= 2).mean(), abs=1e-9)


@all_spacings
@pytest.mark.parametrize("seed", range(3))
def test_only_the_box_round_both_masks_is_looked_at(seed, spacing):
    one, other = blobs(seed), blobs(seed + 100)
    outside = [torch.nn.functional.pad(mask, (9, 4, 0, 7, 3, 12)) for mask in (one, other)]
    for metric in (HD95(), ASSD(), NSD(tolerance=1.0)):
        assert metric(*outside, spacing) == metric(one, other, spacing)


@all_spacings
@ten_seeds
def test_points_and_transform_give_the_same_distances(seed, spacing):
    one, other = (blobs(seed + more).numpy() > 0 for more in (0, 100))
    found = []
    for nearest in (nearest_by_tree, nearest_by_transform):
        parts = list(nearest(one, other, np.asarray(spacing)))
        here, there = (np.concatenate(each) for each in zip(*parts, strict=True))
        np.testing.assert_array_equal(here, np.argwhere(one))
        found.append(np.sqrt((((here - there) * spacing) ** 2).sum(axis=1)))
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("speckle", [0.0, 0.3])
def test_memory_is_a_few_copies_of_the_box(speckle: float):
    one, other = (blobs(seed, (64, 70, 80), speckle) > 0 for seed in (0, 1))
    tracemalloc.start()
    surface_distances(one, other, (3.0, 1.0, 1.0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * 4 * one.numel()


def test_lesions_are_counted_and_not_voxels():
    truth, found = torch.zeros(9, 9, 9).long(), torch.zeros(9, 9, 9).long()
    truth[0:2, 0:2, 0:2] = truth[4:8, 4:8, 4:8] = truth[8, 0, 0] = 1
    found[1, 1, 1:4] = found[0, 8, 8] = 1
    assert LesionSensitivity()(found, truth).item() == pytest.approx(1 / 3)
    assert LesionPrecision()(found, truth).item() == 1 / 2
    assert LesionSensitivity(overlap=0.2)(found, truth).item() == 0
    assert LesionPrecision(overlap=0.3)(found, truth).item() == 1 / 2


def test_lesions_that_share_a_corner_are_one():
    mask = torch.eye(5).long()[None]
    one = mask.clone()
    one[0, 1:] = 0
    assert LesionSensitivity()(one, mask).item() == 1
    assert LesionSensitivity(overlap=0.21)(one, mask).item() == 0


@ten_seeds
def test_one_voxel_is_a_hit_as_a_loop_counts(seed):
    truth, found = blobs(seed).numpy(), blobs(seed + 100).numpy()
    numbered, count = ndimage.label(truth, np.ones((3, 3, 3)))
    hits = [found[numbered == piece].any() for piece in range(1, count + 1)]
    expected = pytest.approx(np.mean(hits))
    pair = torch.from_numpy(found), torch.from_numpy(truth)
    assert LesionSensitivity()(*pair).item() == expected
    assert LesionPrecision()(*reversed(pair)).item() == expected
