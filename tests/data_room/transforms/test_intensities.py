from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from medsegdiff.data import Transform
from medsegdiff.data.transforms.blur import Blur
from medsegdiff.data.transforms.brightness import Brightness
from medsegdiff.data.transforms.contrast import Contrast
from medsegdiff.data.transforms.gamma import Gamma
from medsegdiff.data.transforms.grain import Grain

MEMBERS = [Blur, Brightness, Contrast, Gamma, Grain]
every_member = pytest.mark.parametrize("member", MEMBERS)


def applied(transform: Transform, image: torch.Tensor, seed: int = 0) -> torch.Tensor:
    drawn = transform.draw(tuple(image.shape), torch.Generator().manual_seed(seed))
    return transform.apply(image, drawn)


@every_member
def test_only_chosen_images_change(member: type[Transform]) -> None:
    image = torch.randn(64, 3, 9, 11)
    changed = applied(member.model_validate({"probability": 0.5}), image) != image
    assert 16 < changed.flatten(1).any(dim=1).sum() < 48
    assert applied(member.model_validate({"probability": 0.0}), image).equal(image)


@every_member
def test_volumes_change_like_images(member: type[Transform]) -> None:
    image = torch.randn(2, 1, 6, 9, 11)
    changed = applied(member.model_validate({"probability": 1.0}), image)
    assert changed.shape == image.shape
    assert changed.isfinite().all()


def test_brightness_adds_one_number_a_channel() -> None:
    image = torch.randn(4, 3, 8, 8)
    added = applied(Brightness(probability=1), image) - image
    assert torch.allclose(added, added.mean(dim=(2, 3), keepdim=True).expand_as(added), atol=1e-6)
    assert added.abs().max() <= 0.5


@pytest.mark.parametrize("transform", [Contrast(probability=1), Gamma(probability=1)])
def test_range_is_kept(transform: Transform) -> None:
    image = torch.randn(4, 1, 16, 16)
    changed = applied(transform, image)
    assert (changed.amax(dim=(2, 3)) <= image.amax(dim=(2, 3)) + 1e-5).all()
    assert (changed.amin(dim=(2, 3)) >= image.amin(dim=(2, 3)) - 1e-5).all()


def test_gamma_keeps_the_order_of_intensities() -> None:
    image = torch.linspace(-2, 3, 100).reshape(1, 1, 10, 10)
    assert (applied(Gamma(probability=1), image).flatten().diff() >= 0).all()


def test_blur_is_a_gaussian() -> None:
    image = torch.randn(1, 2, 30, 40, dtype=torch.float32)
    smooth = Blur().apply(image, {"sigma": torch.tensor([0.9])})
    expected = ndimage.gaussian_filter(image[0, 1].numpy(), 0.9, mode="nearest", radius=4)
    assert np.allclose(smooth[0, 1].numpy(), expected, atol=1e-5)


def test_grain_has_the_drawn_deviation() -> None:
    image = torch.zeros(200, 1, 16, 16)
    deviation = applied(Grain(probability=1, deviation=0.2), image).std(dim=(1, 2, 3))
    assert deviation.max() < 0.23
    assert abs(deviation.mean() - 0.1) < 0.02
