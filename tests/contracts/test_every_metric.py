"""Whatever metric there is: one rule for empty masks, and worse masks are never better."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import medsegdiff.metrics as metrics
from medsegdiff.errors import DataError, GridMismatch

SHIPPED = {
    name: member
    for name, member in metrics.Metric.members.items()
    if member.__module__.startswith("medsegdiff.")
}
every_metric = pytest.mark.parametrize("name", sorted(SHIPPED))
every_grid = pytest.mark.parametrize("grid", [(14, 11), (12, 10, 8)])


def blocks(grid: tuple[int, ...], shift: int = 0) -> Tensor:
    """Two classes, each a block; the shift moves both along the first axis."""
    labels = torch.zeros(grid, dtype=torch.int64)
    labels[1:5, 1:6] = 1
    labels[5:7, 2:6] = 2
    return labels.roll(shift, dims=0)


def best(metric: metrics.Metric) -> float:
    return 0.0 if metric.is_distance else 1.0


def test_there_are_metrics() -> None:
    assert {"dice", "iou", "sensitivity", "precision", "hd95"} <= set(SHIPPED)


@every_metric
@every_grid
def test_a_perfect_mask_has_the_best_value(name: str, grid: tuple[int, ...]) -> None:
    metric = SHIPPED[name](classes=3)
    values = metric(blocks(grid), blocks(grid), None)
    assert values.shape == (2,)
    assert values.tolist() == pytest.approx([best(metric)] * 2)


@every_metric
@every_grid
def test_a_mask_further_off_is_never_better(name: str, grid: tuple[int, ...]) -> None:
    metric = SHIPPED[name](classes=3)
    sign = -1 if metric.is_distance else 1
    one, two = (sign * metric(blocks(grid, shift), blocks(grid), None) for shift in (1, 4))
    assert (two <= one).all()
    assert (one <= sign * best(metric)).all()
    assert (two < sign * best(metric)).any()


@every_metric
def test_empty_masks_follow_one_rule(name: str) -> None:
    metric = SHIPPED[name]()
    full, empty = torch.ones(6, 6, dtype=torch.int64), torch.zeros(6, 6, dtype=torch.int64)
    assert metric(empty, empty, None).item() == best(metric)
    for value in (metric(full, empty, None), metric(empty, full, None)):
        assert value.isnan().all() if metric.is_distance else value.item() == 0


@every_metric
def test_a_class_is_measured_alone(name: str) -> None:
    metric, other = SHIPPED[name](classes=3), blocks((14, 11), 1)
    other[blocks((14, 11)) == 2] = 2
    together = metric(blocks((14, 11)), other, None)
    for index in (1, 2):
        alone = SHIPPED[name]()((blocks((14, 11)) == index).long(), (other == index).long(), None)
        assert together[index - 1] == pytest.approx(alone.item())


@every_metric
def test_ignored_voxels_count_nowhere(name: str) -> None:
    prediction, reference = blocks((14, 11), 1), blocks((14, 11))
    elsewhere = prediction.clone()
    reference[9:], elsewhere[9:, 3:] = -1, 2
    values = SHIPPED[name](classes=3)(prediction, reference, None)
    assert SHIPPED[name](classes=3)(elsewhere, reference, None).equal(values)


@every_metric
def test_grids_that_differ_are_refused(name: str) -> None:
    with pytest.raises(GridMismatch, match=r"14, 11.*14, 12"):
        SHIPPED[name](classes=3)(blocks((14, 11)), blocks((14, 12)), None)
    with pytest.raises(GridMismatch, match="spacing"):
        SHIPPED[name](classes=3)(blocks((14, 11)), blocks((14, 11)), (1.0, 1.0, 1.0))


@every_metric
def test_labels_that_are_no_class_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="label 2"):
        SHIPPED[name](classes=2)(blocks((14, 11)), blocks((14, 11)), None)


@every_metric
def test_settings_survive_json(name: str) -> None:
    metric = SHIPPED[name](classes=4)
    assert metrics.Metric.model_validate_json(metric.model_dump_json()) == metric
