"""Planes through volumes: where they cut, which side is up, square pixels."""

from __future__ import annotations

from itertools import permutations, product

import pytest
import torch
from torch import Tensor

from medsegdiff.data.planes import LONGEST_SIDE, planes
from medsegdiff.types import Geometry

SHAPE = (7, 9, 11)


def marked(*where: int, shape: tuple[int, ...] = SHAPE) -> Tensor:
    labels = torch.zeros(shape, dtype=torch.int64)
    labels[where] = 1
    return labels


def patient() -> tuple[Tensor, Tensor]:
    """Coordinates of each voxel in RAS+ mm, shape (3, D, H, W), and the affine, stored as RAS."""
    affine = torch.eye(4, dtype=torch.float64)[[2, 1, 0, 3]]
    d, h, w = torch.meshgrid(*map(torch.arange, SHAPE), indexing="ij")
    return torch.stack([w, h, d]), affine


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("signs", list(product((1, -1), repeat=3)))
def test_every_orientation_is_shown_the_same_way(order, signs):
    coordinates, affine = patient()
    turned = coordinates.permute(0, *(axis + 1 for axis in order))
    turned = turned.flip([axis + 1 for axis in range(3) if signs[axis] < 0])
    stored = affine[:, [*order, 3]] * torch.tensor([*signs, 1])
    shape = tuple(turned.shape[1:])
    seen = {one.name: one.of(turned) for one in planes(None, Geometry(shape, None, stored))}
    right, front, head = range(3)
    for name, down, beside in (
        ("axial", front, right),
        ("coronal", head, right),
        ("sagittal", head, front),
    ):
        assert (seen[name][down].diff(dim=0) == -1).all()
        assert (seen[name][beside].diff(dim=1) == -1).all()


def test_planes_go_through_the_largest_area():
    labels = marked(5, 3, 8)
    labels[5, 2:4, 8] = 1
    cuts = {one.name: one.index for one in planes(labels, Geometry(SHAPE))}
    assert cuts == {"axial": 5, "coronal": 2, "sagittal": 8}
    assert planes(labels, Geometry(SHAPE))[0].of(labels).sum() == 2


@pytest.mark.parametrize("labels", [None, torch.zeros(SHAPE, dtype=torch.int64)])
def test_without_foreground_they_go_through_the_centre(labels):
    assert [one.index for one in planes(labels, Geometry(SHAPE))] == [3, 4, 5]


def test_pixels_are_square():
    axial, coronal, sagittal = planes(None, Geometry(SHAPE, (5.0, 1.0, 0.5)))
    volume = torch.rand(2, *SHAPE)
    assert axial.of(volume).shape == (2, 18, 11)
    assert coronal.of(volume).shape == (2, 70, 11)
    assert sagittal.of(volume).shape == (2, 35, 9)


def test_a_mad_spacing_makes_no_mad_picture():
    for one in planes(None, Geometry(SHAPE, (1e6, 1.0, 1e-6))):
        assert max(one.of(torch.rand(SHAPE)).shape) <= LONGEST_SIDE


def test_an_image_is_its_own_plane():
    image = torch.rand(3, 8, 9)
    for geometry in (Geometry((8, 9)), Geometry((8, 9), (0.3, 0.3))):
        (only,) = planes(None, geometry)
        assert only.of(image) is image
