from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from medsegdiff.data.geometry import (
    affine_xyz,
    geometry_of_affine,
    geometry_of_lps,
    lps_parts,
    same_grid,
    spacing_of_affine,
)
from medsegdiff.types import Geometry

SHAPE = (20, 30, 40)


def grid(
    shape: tuple[int, ...] = SHAPE,
    spacing: tuple[float, float, float] = (1, 1, 2),
    origin: tuple[float, float, float] = (0, 0, 0),
    angle: float = 0,
) -> Geometry:
    """A grid whose spacing and origin are given along x, y, z, turned around z."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("z", angle, degrees=True).as_matrix() * spacing
    affine[:3, 3] = origin
    return geometry_of_affine(shape, affine)


def test_a_grid_keeps_its_axes_in_reverse_order() -> None:
    found = grid(origin=(7, 8, 9), spacing=(1, 2, 3))
    assert found.spacing_mm == (3, 2, 1)
    assert found.affine is not None
    index_dhw = torch.tensor([5.0, 6.0, 4.0, 1.0], dtype=torch.float64)
    assert (found.affine @ index_dhw).tolist() == [7 + 4, 8 + 12, 9 + 15, 1]


@given(seed=st.integers(0, 10**6))
def test_what_itk_says_is_what_nifti_says(seed: int) -> None:
    random = np.random.default_rng(seed)
    steps = Rotation.random(random_state=seed).as_matrix() * random.uniform(0.1, 5, 3)
    found = geometry_of_lps(SHAPE, steps, random.normal(0, 99, 3))
    directions, spacing, origin = lps_parts(affine_xyz(found))
    np.testing.assert_allclose(directions * spacing, steps, atol=1e-12)
    assert geometry_of_lps(SHAPE, directions * spacing, origin).spacing_mm == found.spacing_mm


def test_spacing_has_no_noise_of_float32() -> None:
    affine = np.diag([np.float32(0.1), np.float32(0.7), np.float32(1.2), 1])
    assert spacing_of_affine(affine) == (0.1, 0.7, 1.2)


@pytest.mark.parametrize("wrong", [np.nan, 0.0, np.inf])
def test_affines_that_place_nothing_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"finite|singular"):
        geometry_of_affine(SHAPE, np.diag([1, wrong, 1, 1]))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (grid(shape=(20, 30, 41)), "40 x 30 x 20 voxels against 41 x 30 x 20"),
        (grid(origin=(0, 3.2, 0)), "origins are 3.2 mm apart"),
        (grid(spacing=(1, 1, 1)), "spacing 1 x 1 x 2 mm against 1 x 1 x 1 mm"),
        (grid(angle=4), "rotated by 4 degrees"),
        (grid(spacing=(-1, 1, 2), origin=(39, 0, 0)), "axes x, y, z run to RAS against LAS"),
    ],
)
def test_two_grids_differ_in_words(other: Geometry, words: str) -> None:
    assert re.search(re.escape(words), same_grid(grid(), other) or "")


@pytest.mark.parametrize(
    "other",
    [
        grid(),
        grid(origin=(0.01, 0, 0)),
        grid(spacing=(1.0005, 1, 2)),
        grid(angle=0.05),
        Geometry(SHAPE),
        Geometry(SHAPE, (2, 1, 1)),
    ],
)
def test_rounding_and_silence_are_no_difference(other: Geometry) -> None:
    assert same_grid(grid(), other) is None
    assert same_grid(other, grid()) is None


def test_grids_without_a_place_are_compared_by_spacing() -> None:
    assert same_grid(grid(), Geometry(SHAPE, (1, 1, 1))) is not None
    assert same_grid(Geometry((4, 5)), Geometry((4, 5))) is None
    assert same_grid(Geometry((4, 5)), Geometry((5, 4))) == "5 x 4 voxels against 4 x 5"


def test_a_sheared_grid_differs_from_a_straight_one() -> None:
    affine = np.array([[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1.0]])
    assert same_grid(grid(), geometry_of_affine(SHAPE, affine)) is not None
