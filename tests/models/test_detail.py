"""From features of patches to voxels: shapes, identities, and who may see what."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from medsegdiff.models.detail import detail_of, patched, unpatched

PATCH = 4


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def detail(kind, space_dims=2, mask_channels=2):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return detail_of(kind, 8, 3, mask_channels, PATCH, space_dims).eval()


@pytest.mark.parametrize("grid", [(8, 12), (4, 8, 12)])
def test_patches_are_put_together_as_they_were_cut(grid):
    m = randn(2, 3, *grid)
    parts = patched(m, PATCH)
    assert parts.shape == (2, 3, PATCH ** len(grid), m[0, 0].numel() // PATCH ** len(grid))
    assert unpatched(parts, torch.Size(n // PATCH for n in grid), PATCH).equal(m)


def test_a_patch_holds_its_own_voxels():
    m = torch.arange(64.0).view(1, 1, 8, 8)
    assert patched(m, PATCH)[0, 0, :, 1].tolist() == m[0, 0, :4, 4:].flatten().tolist()


@pytest.mark.parametrize("grid", [(7, 10), (5, 6, 9)])
@torch.no_grad()
def test_one_image_is_blended_alike_in_training_and_prediction(grid):
    module, m = detail("blended", len(grid)), randn(1, 8, *(-(-n // PATCH) for n in grid))
    fine = randn(1, 3, *grid, seed=1)
    predicted = module(m, module.prepared(fine, m), torch.Size(grid))
    with torch.enable_grad():
        prepared = module.prepared(fine, m)
    assert prepared is fine
    torch.testing.assert_close(module(m, prepared, torch.Size(grid)), predicted)


@pytest.mark.parametrize("kind", ["blended", "patches", "convolution"])
@pytest.mark.parametrize("grid", [(7, 10), (5, 6, 9)])
@torch.no_grad()
def test_what_members_share_is_what_each_has_alone(kind, grid):
    module = detail(kind, len(grid))
    m, fine = randn(3, 8, *(-(-n // PATCH) for n in grid)), randn(1, 3, *grid, seed=1)
    shared = module(m, module.prepared(fine, m), torch.Size(grid))
    alone = module(m, module.prepared(fine.expand(3, *fine.shape[1:]), m), torch.Size(grid))
    assert shared.shape == (3, 2, *grid)
    torch.testing.assert_close(shared, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("grid", [(7, 10), (5, 6, 9)])
@torch.no_grad()
def test_blended_shares_are_linear_between_the_centres_of_patches(grid):
    module = detail("blended", len(grid), mask_channels=1)
    m, fine = randn(1, 8, *(-(-n // PATCH) for n in grid)), randn(1, 3, *grid, seed=1)
    shares, own = module.shares(m).split((3, PATCH ** len(grid)), dim=1)
    by_hand = unpatched(own.flatten(2)[:, None], own.shape[2:], PATCH)[0, 0]
    by_hand = by_hand[tuple(slice(n) for n in grid)]
    for voxel in itertools.product(*map(range, grid)):
        for corner, weight in corners_of(voxel, own.shape[2:]):
            by_hand[voxel] += (
                weight * shares[(0, slice(None), *corner)] @ fine[(0, slice(None), *voxel)]
            )
    out = module(m, module.prepared(fine, m), torch.Size(grid))
    torch.testing.assert_close(out[0, 0], by_hand)


def corners_of(voxel, counts):
    """The patches between whose centres a voxel lies, and how much each counts."""
    places = [(index + 0.5) / PATCH - 0.5 for index in voxel]
    for side in itertools.product((0, 1), repeat=len(voxel)):
        weight, corner = 1.0, []
        for place, count, up in zip(places, counts, side, strict=True):
            below = math.floor(place)
            weight *= place - below if up else below + 1 - place
            corner.append(min(max(below + up, 0), count - 1))
        yield corner, weight


@torch.no_grad()
def test_blended_shares_that_are_all_alike_are_those_of_patches():
    blended, patches = detail("blended"), detail("patches")
    patches.load_state_dict(blended.state_dict())
    m, fine = randn(1, 8, 1, 1).expand(1, 8, 2, 3), randn(1, 3, 8, 12, seed=1)
    for module in (blended, patches):
        module.shares[2].weight[:, :, [0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 0, 2, 0, 1, 2]] = 0
    size = fine.shape[2:]
    outs = [one(m, one.prepared(fine, m), size) for one in (blended, patches)]
    torch.testing.assert_close(*outs)


@torch.no_grad()
def test_voxels_of_a_patch_are_shares_of_the_features_there_and_its_own():
    module, m = detail("patches", mask_channels=1), randn(1, 8, 1, 1)
    fine = randn(1, 3, PATCH, PATCH, seed=1)
    out = module(m, module.prepared(fine, m), torch.Size((PATCH, PATCH)))
    shares, own = module.shares(m).flatten().split((3, PATCH**2))
    by_hand = (shares[:, None, None] * fine[0]).sum(dim=0) + own.view(PATCH, PATCH)
    torch.testing.assert_close(out[0, 0], by_hand)
