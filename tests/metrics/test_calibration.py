"""ECE, Brier score and NLL where they are known, and against a loop over voxels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from medsegdiff.errors import DataError, GridMismatch
from medsegdiff.metrics import CalibrationError, CalibrationResult, calibration
from medsegdiff.metrics.calibration import band_around
from medsegdiff.types import MaskCoding


def measured(probability: Tensor, labels: Tensor, **settings: int) -> CalibrationResult:
    error = CalibrationError(**settings)
    error.add(probability, labels)
    return error.result()


def naive_ece(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[place == b].mean() - right[place == b].mean()) * (place == b).mean()
        for b in np.unique(place)
    ]
    return float(sum(gaps))


@given(seed=st.integers(0, 2**31))
def test_binary_ece_is_that_of_a_loop(seed):
    generator = torch.Generator().manual_seed(seed)
    probability = torch.rand(1, 20, 20, generator=generator)
    labels = torch.randint(2, (20, 20), generator=generator)
    result = measured(probability, labels).everywhere
    p, y = probability[0].double().numpy().ravel(), labels.numpy().ravel()
    assert result.ece == pytest.approx(naive_ece(p.astype(np.float32), y), abs=1e-6)
    assert result.brier == pytest.approx(((p - y) ** 2).mean(), abs=1e-6)
    assert result.nll == pytest.approx(-np.log(np.where(y, p, 1 - p)).mean(), abs=1e-5)


@given(seed=st.integers(0, 2**31))
def test_the_likeliest_class_counts_where_there_are_several(seed):
    generator = torch.Generator().manual_seed(seed)
    probability = (2 * torch.randn(3, 20, 20, generator=generator)).softmax(dim=0)
    labels = torch.randint(3, (20, 20), generator=generator)
    result = measured(probability, labels).everywhere
    p, y = probability.flatten(1).numpy(), labels.numpy().ravel()
    assert result.ece == pytest.approx(naive_ece(p.max(axis=0), p.argmax(axis=0) == y), abs=1e-6)
    assert result.brier == pytest.approx(((p - np.eye(3)[y].T) ** 2).sum(axis=0).mean(), abs=1e-6)
    assert result.nll == pytest.approx(-np.log(p[y, np.arange(400)]).mean(), abs=1e-5)


def test_probabilities_that_come_true_are_calibrated():
    generator = torch.Generator().manual_seed(0)
    probability = torch.rand(1, 500, 500, generator=generator)
    labels = (torch.rand(500, 500, generator=generator) < probability[0]).long()
    result = measured(probability, labels).everywhere
    assert result.ece == pytest.approx(0, abs=0.01)
    assert result.brier == pytest.approx(1 / 6, abs=0.005)  # mean of p (1 - p)
    assert result.nll == pytest.approx(0.5, abs=0.01)


def test_a_sure_mistake_costs_a_finite_number_of_nats():
    result = measured(torch.ones(1, 4, 4), torch.zeros(4, 4, dtype=torch.long)).everywhere
    assert (result.ece, result.brier) == (1, 1)
    assert result.nll == pytest.approx(-math.log(1e-7))


def test_the_band_holds_the_union_and_what_is_near():
    truth, probability = torch.zeros(60, 60).long(), torch.zeros(1, 60, 60)
    truth[30, 30], probability[0, 30, 40] = 1, 0.9
    result = measured(probability, truth, band_voxels=3)
    assert result.everywhere.voxels == 3600
    assert result.band.voxels == 2 * 29  # voxels within 3 of one voxel
    assert result.band.ece == pytest.approx((0.9 + 1) / 58)  # both voxels are mistakes
    assert result.everywhere.ece == pytest.approx((0.9 + 1) / 3600)


@pytest.mark.parametrize("shape", [(30, 40), (8, 9, 10)])
def test_the_band_is_that_of_a_loop_over_distances(shape):
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(0)) < 0.01
    place = torch.stack(torch.meshgrid(*map(torch.arange, shape), indexing="ij"), dim=-1)
    distance = torch.cdist(place.flatten(0, -2).double(), place[mask].double()).min(dim=1).values
    assert torch.equal(band_around(mask, 3).flatten(), distance <= 3)


def test_no_voxel_gives_unknown_and_not_zero():
    result = measured(torch.zeros(1, 5, 5), torch.zeros(5, 5, dtype=torch.long))
    assert (result.band.ece, result.band.brier, result.band.nll) == (None, None, None)
    assert result.band.voxels == 0
    assert result.everywhere.ece == 0


def test_studies_add_up_voxel_by_voxel():
    generator = torch.Generator().manual_seed(0)
    probability = torch.rand(1, 40, 20, generator=generator)
    labels = torch.randint(2, (40, 20), generator=generator)
    error = CalibrationError()
    error.add(probability[:, :30], labels[:30])
    error.add(probability[:, 30:], labels[30:])
    whole = measured(probability, labels).everywhere
    assert error.result().everywhere.ece == pytest.approx(whole.ece)
    assert error.result().everywhere.count == whole.count


def test_another_grid_or_an_unknown_label_is_refused():
    with pytest.raises(GridMismatch):
        CalibrationError().add(torch.zeros(1, 5, 5), torch.zeros(4, 5, dtype=torch.long))
    with pytest.raises(DataError, match="label 3"):
        CalibrationError().add(torch.zeros(3, 5, 5), torch.full((5, 5), 3))


def test_large_studies_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch):
    generator = torch.Generator().manual_seed(0)
    probability = torch.rand(3, 6, 20, 20, generator=generator).softmax(dim=0)
    labels = torch.randint(3, (6, 20, 20), generator=generator)
    whole = measured(probability, labels, band_voxels=2)
    monkeypatch.setattr(calibration, "VOXELS_AT_ONCE", 1000)
    parts = measured(probability, labels, band_voxels=2)
    assert parts.everywhere.count == whole.everywhere.count
    assert parts.band.ece == pytest.approx(whole.band.ece)
    assert parts.band.nll == pytest.approx(whole.band.nll)


def test_ignored_voxels_count_nowhere():
    probability = torch.rand(2, 9, 9, generator=torch.Generator().manual_seed(0)).softmax(dim=0)
    labels = torch.randint(2, (9, 9), generator=torch.Generator().manual_seed(1))
    labels[4:] = -1
    found = measured(probability, labels).everywhere
    assert found == measured(probability[:, :4], labels[:4]).everywhere


@pytest.mark.parametrize("shape", [(30, 40), (9, 20, 21)])
def test_the_band_is_that_of_a_plain_distance_transform(shape: tuple[int, ...]):
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(3)) > 0.995
    distance = ndimage.distance_transform_edt(~mask.numpy())
    assert np.array_equal(band_around(mask, 4).numpy(), distance <= 4)


def test_regions_are_binary_tasks_and_their_voxels_count_together():
    generator = torch.Generator().manual_seed(0)
    probability = torch.rand(2, 12, 12, generator=generator)
    labels = torch.randint(3, (12, 12), generator=generator)
    together, apart = CalibrationError(), CalibrationError()
    together.add(probability, labels, MaskCoding(3, regions=((1, 2), (2,)), painted=(1, 2)))
    for channel, truth in zip(probability, (labels > 0, labels == 2), strict=True):
        apart.add(channel[None], truth.long())
    found, expected = together.result().everywhere, apart.result().everywhere
    assert found.count == expected.count
    assert (found.ece, found.brier, found.nll) == (expected.ece, expected.brier, expected.nll)
