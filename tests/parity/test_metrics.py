"""Our metrics against MONAI's and against loops over voxels that follow the definitions."""

from __future__ import annotations

import math
import warnings
from itertools import product

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from medsegdiff.metrics import HD95, NSD, Dice, IoU, Precision, Sensitivity

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    oracle = pytest.importorskip("monai.metrics")

pytestmark = pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
SPACINGS = [None, (0.5, 2.0)]
TOLERANCE = 1e-6  # MONAI computes in float32


def blobs(seed: int, shape: tuple[int, ...] = (24, 31)) -> Tensor:
    """Smooth random shapes with speckle, some of them cut by the border."""
    generator = np.random.default_rng(seed)
    smooth = gaussian_filter(generator.normal(size=shape), 3)
    mask = (smooth > np.quantile(smooth, 0.7)) ^ (generator.random(shape) < 0.01)
    return torch.from_numpy(mask).long()


def naive_distances(one: Tensor, other: Tensor, spacing: tuple[float, ...]) -> np.ndarray:
    """From each surface voxel of one to the nearest of the other, all pairs tried."""
    a, b = (np.array(surface(mask.numpy())) * spacing for mask in (one, other))
    return np.linalg.norm(a[:, None] - b[None], axis=-1).min(axis=1)


def surface(mask: np.ndarray) -> list[tuple[int, ...]]:
    """Voxels of the mask with a neighbour, up, down, left or right, that is none of it."""
    padded = np.pad(mask, 1)
    found = []
    for y, x in product(*map(range, mask.shape)):
        around = padded[y, x + 1], padded[y + 2, x + 1], padded[y + 1, x], padded[y + 1, x + 2]
        if mask[y, x] and not all(around):
            found.append((y, x))
    return found


def batched(mask: Tensor) -> Tensor:
    return mask[None, None].float()


@pytest.mark.parametrize("seed", range(10))
def test_overlap_is_that_of_monai(seed):
    one, other = blobs(seed), blobs(seed + 100)
    dice = oracle.compute_dice(batched(one), batched(other)).item()
    iou = oracle.compute_iou(batched(one), batched(other)).item()
    counts = oracle.get_confusion_matrix(batched(one), batched(other))
    for metric, name in ((Sensitivity(), "sensitivity"), (Precision(), "precision")):
        expected = oracle.compute_confusion_matrix_metric(name, counts).item()
        assert metric(one, other).item() == pytest.approx(expected, abs=TOLERANCE)
    assert Dice()(one, other).item() == pytest.approx(dice, abs=TOLERANCE)
    assert IoU()(one, other).item() == pytest.approx(iou, abs=TOLERANCE)


@pytest.mark.parametrize("seed", range(10))
def test_overlap_is_that_of_a_loop(seed):
    one, other = blobs(seed), blobs(seed + 100)
    pairs = list(zip(one.flatten().tolist(), other.flatten().tolist(), strict=True))
    hit, false, missed = (sum(p == q for p in pairs) for q in ((1, 1), (1, 0), (0, 1)))
    assert Dice()(one, other).item() == pytest.approx(2 * hit / (2 * hit + false + missed))
    assert IoU()(one, other).item() == pytest.approx(hit / (hit + false + missed))
    assert Sensitivity()(one, other).item() == pytest.approx(hit / (hit + missed))
    assert Precision()(one, other).item() == pytest.approx(hit / (hit + false))


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(10))
def test_surface_metrics_are_those_of_monai(seed, spacing):
    one, other = blobs(seed), blobs(seed + 100)
    given = {"include_background": True, "spacing": spacing}
    pair = batched(one), batched(other)
    hd95 = oracle.compute_hausdorff_distance(*pair, percentile=95, **given).item()
    nsd = oracle.compute_surface_dice(*pair, class_thresholds=[1.5], **given).item()
    assert HD95()(one, other, spacing).item() == pytest.approx(hd95, rel=TOLERANCE)
    assert NSD(tolerance=1.5)(one, other, spacing).item() == pytest.approx(nsd, abs=TOLERANCE)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(10))
def test_surface_metrics_are_those_of_a_loop(seed, spacing):
    one, other = blobs(seed), blobs(seed + 100)
    there = naive_distances(one, other, spacing or (1, 1))
    back = naive_distances(other, one, spacing or (1, 1))
    hd95 = max(np.percentile(there, 95), np.percentile(back, 95))
    within = np.concatenate([there, back]) <= 1.5
    assert HD95()(one, other, spacing).item() == pytest.approx(hd95, abs=1e-9)
    assert NSD(tolerance=1.5)(one, other, spacing).item() == pytest.approx(within.mean())


def test_volumes_are_measured_as_monai_does():
    one, other = blobs(0, (12, 14, 13)), blobs(1, (12, 14, 13))
    spacing = (3.0, 0.7, 0.7)
    expected = oracle.compute_hausdorff_distance(
        batched(one), batched(other), include_background=True, percentile=95, spacing=spacing
    )
    assert HD95()(one, other, spacing).item() == pytest.approx(expected.item(), rel=TOLERANCE)
    assert math.isfinite(NSD()(one, other, spacing).item())
