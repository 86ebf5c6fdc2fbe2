from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.data.transforms.affine import Affine


def blob(height: int, width: int) -> torch.Tensor:
    """A smooth bump off the centre, shape (1, 1, H, W)."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    distance = (rows - 0.45 * height) ** 2 + (columns - 0.55 * width) ** 2
    return torch.exp(-distance / (2 * 5**2))[None, None]


@given(st.integers(0, 999), st.sampled_from([(48, 48), (40, 64), (64, 40)]))
def test_undo_brings_a_mask_back(seed: int, space: tuple[int, int]) -> None:
    affine, mask = Affine(probability=1), blob(*space)
    drawn = affine.draw(tuple(mask.shape), torch.Generator().manual_seed(seed))
    back = affine.undo(affine.apply(mask, drawn), drawn)
    assert (back - mask).abs().max() < 0.06


def test_a_quarter_turn_is_a_quarter_turn() -> None:
    image = torch.randn(1, 2, 9, 9)
    quarter = torch.tensor([[[0.0, -1.0], [1.0, 0.0]]])
    turned = Affine().apply(image, {"matrix": quarter})
    assert torch.allclose(turned, image.rot90(-1, (2, 3)), atol=1e-5)


def test_shapes_are_not_squeezed_on_a_grid_that_is_not_square() -> None:
    turn = math.radians(90)
    matrix = torch.tensor([[[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]])
    image = torch.zeros(1, 1, 40, 80)
    image[..., 15:25, 30:50] = 1
    turned = Affine().apply(image, {"matrix": matrix})[0, 0] > 0.5
    assert (turned.any(dim=1).sum(), turned.any(dim=0).sum()) == (20, 10)


@given(st.integers(0, 99))
def test_labels_move_with_their_image(seed: int) -> None:
    affine, labels = Affine(probability=1), (blob(48, 64)[:, 0] > 0.5).long()
    drawn = affine.draw((1, 1, 48, 64), torch.Generator().manual_seed(seed))
    moved = affine.apply(labels[:, None].float(), drawn)[:, 0] > 0.5
    assert (affine.apply_to_labels(labels, drawn).bool() ^ moved).sum() < 0.05 * labels.sum() + 3


def test_images_that_are_not_chosen_stay_as_they_are() -> None:
    image = torch.randn(32, 1, 12, 12)
    drawn = Affine(probability=0.5).draw((32, 1, 12, 12), torch.Generator().manual_seed(0))
    same = (Affine().apply(image, drawn) == image).flatten(1).all(dim=1)
    assert 8 < same.sum() < 24
    never = Affine(probability=0).draw((32, 1, 12, 12), torch.Generator().manual_seed(0))
    assert Affine().apply(image, never).equal(image)
