from __future__ import annotations

import torch

from medsegdiff.data.transform import augment, happens, per_image, uniform
from medsegdiff.data.transforms.flip import Flip
from medsegdiff.data.transforms.gamma import Gamma


def test_augmenting_follows_the_generator_alone() -> None:
    image, labels = torch.randn(4, 3, 16, 20), torch.randint(0, 2, (4, 16, 20))
    chain = [Flip(), Gamma(probability=1)]
    first, second = (
        augment(image, labels, chain, torch.Generator().manual_seed(5)) for _ in range(2)
    )
    assert first[0].equal(second[0])
    assert first[1].equal(second[1])
    assert not first[0].equal(image)


def test_image_and_labels_move_together() -> None:
    labels = torch.randint(0, 2, (8, 16, 20))
    image, moved = augment(
        labels[:, None].float(), labels, [Flip()], torch.Generator().manual_seed(0)
    )
    assert image[:, 0].long().equal(moved)


def test_chance_has_its_probability_and_bounds() -> None:
    generator = torch.Generator().manual_seed(0)
    assert abs(happens(10_000, 0.3, generator).float().mean() - 0.3) < 0.02
    drawn = uniform((10_000,), -2, 3, generator)
    assert drawn.min() >= -2
    assert drawn.max() <= 3
    assert abs(drawn.mean() - 0.5) < 0.05


def test_numbers_per_image_are_shaped_for_any_space() -> None:
    assert per_image(torch.ones(2), torch.ones(2, 3, 4, 5, 6)).shape == (2, 1, 1, 1, 1)
    assert per_image(torch.ones(2, 3), torch.ones(2, 3, 4, 5)).shape == (2, 3, 1, 1)
