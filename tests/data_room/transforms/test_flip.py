from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.data.transforms.flip import Flip


@given(st.integers(0, 999), st.sampled_from([(5, 8), (3, 5, 8)]))
def test_undo_is_the_exact_inverse(seed: int, space: tuple[int, ...]) -> None:
    flip, mask = Flip(), torch.randn(6, 2, *space)
    drawn = flip.draw(tuple(mask.shape), torch.Generator().manual_seed(seed))
    assert flip.undo(flip.apply(mask, drawn), drawn).equal(mask)


def test_every_image_is_drawn_by_itself() -> None:
    flip, image = Flip(axes=(-1,)), torch.arange(4.0).expand(64, 1, 3, 4)
    drawn = flip.draw(tuple(image.shape), torch.Generator().manual_seed(0))
    first = flip.apply(image, drawn)[:, 0, 0, 0]
    assert set(first.tolist()) == {0.0, 3.0}
    assert 16 < (first == 3).sum() < 48


def test_labels_move_with_their_image() -> None:
    flip, labels = Flip(), torch.randint(0, 4, (8, 6, 7))
    drawn = flip.draw((8, 1, 6, 7), torch.Generator().manual_seed(1))
    assert flip.apply(labels[:, None].float(), drawn)[:, 0].equal(
        flip.apply_to_labels(labels, drawn).float()
    )
