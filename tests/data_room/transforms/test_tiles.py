from __future__ import annotations

import pytest
import torch
from orientations import EVERY_ORIENTATION, affine_of
from pydantic import ValidationError

from medsegdiff.data.resampling import resample_labels, resample_linear
from medsegdiff.data.transforms.tiles import Tiles
from medsegdiff.errors import DataError
from medsegdiff.types import Geometry


def ball(shape: tuple[int, ...], spacing: tuple[float, ...], radius_mm: float) -> torch.Tensor:
    """Class 1 within a ball, and class 2 in the half of it with the larger first coordinate."""
    axes = [(torch.arange(n) - (n - 1) / 2) * mm for n, mm in zip(shape, spacing, strict=True)]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    inside = (z**2 + y**2 + x**2 < radius_mm**2).long()
    return inside * (1 + (z > 0).long())


def test_spacing_is_brought_to_the_grids_and_back():
    geometry = Geometry((20, 40, 44), (2.0, 1.0, 1.0))
    placed = Tiles(size=(16, 16, 16), spacing_mm=(1.0, 1.0, 2.0)).placed(geometry)
    labels = ball(geometry.shape, (2.0, 1.0, 1.0), 14)
    there = placed.labels(labels)
    assert there.shape == (40, 40, 22)
    back = placed.undo_labels(there, 3)
    for index in (1, 2):
        one, other = back == index, labels == index
        assert 2 * (one & other).sum() / (one.sum() + other.sum()) > 0.95


@pytest.mark.parametrize("letters", EVERY_ORIENTATION[::7])
def test_without_another_spacing_nothing_is_lost(letters: str):
    geometry = Geometry((6, 7, 8), (1.0, 2.0, 3.0), affine_of(letters))
    placed = Tiles(size=(4, 4, 4)).placed(geometry)
    image = torch.randn(2, 6, 7, 8)
    assert torch.equal(placed.undo(placed.resize(image)), image)
    labels = torch.randint(0, 3, (6, 7, 8))
    assert torch.equal(placed.undo_labels(placed.labels(labels), 3), labels)


def test_an_axis_may_keep_its_own_spacing():
    placed = Tiles(size=(1, 8, 8), spacing_mm=(None, 2.0, 2.0)).placed(
        Geometry((9, 8, 8), (7.0, 1.0, 1.0))
    )
    assert placed.resize(torch.zeros(1, 9, 8, 8)).shape == (1, 9, 4, 4)


def test_slices_have_a_network_of_two_dimensions():
    grid = Tiles(size=(1, 32, 48))
    assert grid.sees_slices
    assert grid.network_size == (32, 48)
    assert not Tiles(size=(32, 48)).sees_slices


def test_an_image_is_refused_by_a_grid_of_volumes():
    with pytest.raises(DataError, match="is an image, but the weights were trained on volumes"):
        Tiles(size=(8, 8, 8)).placed(Geometry((30, 40)))
    with pytest.raises(DataError, match="is a volume, but the weights were trained on images"):
        Tiles(size=(8, 8)).placed(Geometry((3, 30, 40)))


@pytest.mark.parametrize("settings", [{"size": (0, 4)}, {"size": (4, 4), "spacing_mm": (1.0,)}])
def test_settings_that_do_not_fit_together_are_refused(settings):
    with pytest.raises(ValidationError):
        Tiles(**settings)


def test_linear_resampling_keeps_a_ramp_and_a_mean():
    ramp = torch.arange(12.0).view(1, 1, 12, 1).expand(1, 5, 12, 6)
    finer = resample_linear(ramp, (5, 24, 6))
    assert torch.allclose(finer[0, 2, 2:-2, 3].diff(), torch.full((19,), 0.5), atol=1e-5)
    noise = torch.rand(2, 12, 12, 12)
    assert torch.allclose(resample_linear(noise, (6, 6, 6)).mean(), noise.mean(), atol=0.01)


def test_classes_lie_where_their_shares_are_largest():
    labels = torch.tensor([[1, 1, 1, 1, 2, 2, 2, 2, 2, 0, -1, -1]]).expand(4, 12)
    resized = resample_labels(labels, (4, 6))
    assert torch.equal(resized[:, [0, 1, 2, 3, 5]], torch.tensor([[1, 1, 2, 2, -1]]).expand(4, 5))
    assert sorted(resized[:, 4].tolist()) == [0, 0, 2, 2]  # half of each was class 2
