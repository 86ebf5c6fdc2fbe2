"""What holds for every metric: the empty-mask rule, the grid, the classes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from medsegdiff.errors import DataError, GridMismatch
from medsegdiff.metrics import Metric

NAMES = sorted(Metric.members)
EMPTY = torch.zeros(6, 6, dtype=torch.long)
FULL = torch.ones(6, 6, dtype=torch.long)


def labels(seed: int, classes: int = 2, shape: tuple[int, ...] = (9, 7)) -> Tensor:
    return torch.randint(classes, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", NAMES)
def test_two_empty_masks_count_as_equal(name):
    metric = Metric.named(name)()
    assert metric(EMPTY, EMPTY).tolist() == [0.0 if metric.is_distance else 1.0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pair", [(EMPTY, FULL), (FULL, EMPTY)])
def test_one_empty_mask_has_no_overlap_and_an_unknown_distance(name, pair):
    metric = Metric.named(name)()
    (value,) = metric(*pair).tolist()
    assert math.isnan(value) if metric.is_distance else value == 0.0


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**31), classes=st.integers(2, 4))
def test_a_mask_equals_itself(name, seed, classes):
    metric = Metric.named(name)(classes=classes)
    mask = labels(seed, classes)
    assert metric(mask, mask).tolist() == (classes - 1) * [0.0 if metric.is_distance else 1.0]


@pytest.mark.parametrize("name", NAMES)
@given(one=st.integers(0, 2**31), other=st.integers(0, 2**31))
def test_the_value_lies_in_its_range(name, one, other):
    metric = Metric.named(name)()
    (value,) = metric(labels(one), labels(other)).tolist()
    assert 0 <= value <= (12 if metric.is_distance else 1)


@pytest.mark.parametrize("name", ["assd", "dice", "hd95", "iou", "nsd"])
@given(one=st.integers(0, 2**31), other=st.integers(0, 2**31))
def test_prediction_and_reference_may_change_places(name, one, other):
    metric = Metric.named(name)()
    assert metric(labels(one), labels(other)) == metric(labels(other), labels(one))


@pytest.mark.parametrize("name", NAMES)
def test_each_class_is_measured_by_itself(name):
    one, other = labels(0, 3, (4, 5, 6)), labels(1, 3, (4, 5, 6))
    both = Metric.named(name)(classes=3)(one, other)
    alone = [Metric.named(name)()((one == k).long(), (other == k).long()) for k in (1, 2)]
    assert torch.equal(both, torch.cat(alone))


def test_another_shape_is_refused():
    with pytest.raises(GridMismatch, match=r"\(6, 6\).*\(9, 7\)"):
        Metric.named("dice")()(EMPTY, labels(0))


def test_a_spacing_with_another_number_of_axes_is_refused():
    with pytest.raises(GridMismatch, match="2 axes"):
        Metric.named("dice")()(EMPTY, EMPTY, (1.0, 1.0, 2.0))


def test_a_label_beyond_the_classes_is_refused():
    with pytest.raises(DataError, match="label 2"):
        Metric.named("dice")()(2 * FULL, FULL)
