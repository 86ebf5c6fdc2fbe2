"""Figures of a structure: units, axes, and null for what is unknown."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from medsegdiff.engine.mask_statistics import structure_statistics
from medsegdiff.types import Geometry

AFFINE = torch.tensor(  # (d, h, w) to RAS: 5 mm slices to the head, rows to the back, left
    [[0, 0, -0.5, 40], [0, -0.5, 0, 30], [5, 0, 0, -100], [0, 0, 0, 1]], dtype=torch.float64
)
SCANNED = Geometry((6, 20, 30), (5.0, 0.5, 0.5), AFFINE)


def block() -> np.ndarray:
    where = np.zeros(SCANNED.shape, dtype=bool)
    where[2:4, 5:9, 10:20] = True
    return where


def test_a_volume_has_its_size_and_place():
    found = structure_statistics(block(), SCANNED)
    assert found["n_voxels"] == 80
    assert found["volume_ml"] == pytest.approx(80 * 5 * 0.25 / 1000)
    assert found["area_mm2"] is None
    assert found["centroid_voxel"] == {"x": 14.5, "y": 6.5, "z": 2.5}
    assert found["bounding_box_voxel"] == {"x": [10, 19], "y": [5, 8], "z": [2, 3]}
    assert found["centroid_mm"] == [40 - 7.25, 30 - 3.25, -100 + 12.5]
    assert found["touches_border"] is False


def test_pieces_are_counted_and_the_largest_has_its_share():
    where = block()
    where[5, 19, 29] = where[0, 0, 0] = True
    found = structure_statistics(where, SCANNED)
    assert (found["n_pieces"], found["largest_piece_share"]) == (3, pytest.approx(80 / 82, 1e-5))
    assert found["touches_border"] is True


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("end", [0, -1])
def test_every_border_counts(axis: int, end: int):
    where = np.zeros((5, 6, 7), dtype=bool)
    place = [2, 2, 2]
    place[axis] = end
    where[tuple(place)] = True
    assert structure_statistics(where, Geometry((5, 6, 7)))["touches_border"] is True


def test_an_image_with_a_spacing_has_an_area():
    where = np.zeros((9, 12), dtype=bool)
    where[3:5, 1:4] = True
    found = structure_statistics(where, Geometry((9, 12), (0.5, 2.0)))
    assert (found["area_mm2"], found["volume_ml"], found["centroid_mm"]) == (6, None, None)
    assert found["centroid_voxel"] == {"x": 2, "y": 3.5}


def test_what_is_unknown_is_none_and_never_zero():
    nothing = structure_statistics(np.zeros((5, 6, 7), dtype=bool), Geometry((5, 6, 7)))
    unknown = {name for name, value in nothing.items() if value is None}
    places = {"centroid_mm", "centroid_voxel", "bounding_box_voxel"}
    assert unknown == {"area_mm2", "volume_ml", "largest_piece_share", *places}
    assert (nothing["n_voxels"], nothing["n_pieces"], nothing["touches_border"]) == (0, 0, False)
    json.dumps(nothing)


def test_every_figure_is_plain_json():
    json.dumps(structure_statistics(block(), SCANNED), allow_nan=False)


def test_voxels_of_leaning_axes_are_smaller_than_the_product_of_their_sides():
    affine = torch.eye(4, dtype=torch.float64)
    affine[:3, 0] = torch.tensor([0.0, 3.0, 4.0])  # slices are 5 mm apart, along a line that leans
    affine[:3, 1], affine[:3, 2] = torch.tensor([0.0, 2.0, 0.0]), torch.tensor([1.0, 0.0, 0.0])
    leaning = Geometry((5, 6, 7), spacing_mm=(5.0, 2.0, 1.0), affine=affine)
    figures = structure_statistics(np.ones((5, 6, 7), dtype=bool), leaning)
    assert figures["volume_ml"] == pytest.approx(5 * 6 * 7 * 4 * 2 / 1000)
