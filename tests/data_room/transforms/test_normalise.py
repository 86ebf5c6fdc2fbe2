from __future__ import annotations

import pytest
import torch

from medsegdiff.data.transforms.normalise import Normalise


def test_training_intensities_get_mean_0_and_deviation_1() -> None:
    pixels = torch.randn(3, 20_000) * torch.tensor([[5.0], [50.0], [5000.0]]) + 70
    fitted = Normalise.fit(pixels)
    changed = fitted.apply(pixels[None, :, :, None], {})[0, :, :, 0]
    assert torch.allclose(changed.mean(dim=1), torch.zeros(3), atol=1e-4)
    assert torch.allclose(changed.std(dim=1), torch.ones(3), atol=1e-3)


def test_outliers_are_clipped() -> None:
    pixels = torch.cat([torch.linspace(0, 100, 10_000), torch.tensor([1e6])])[None]
    fitted = Normalise.fit(pixels)
    assert fitted.upper[0] < 101
    assert fitted.apply(pixels[None, :, :, None], {}).max() < 3


def test_a_constant_channel_becomes_zero() -> None:
    fitted = Normalise.fit(torch.full((1, 100), 42.0))
    assert fitted.apply(torch.full((1, 1, 4, 4), 42.0), {}).abs().max() == 0


def test_images_of_any_channels_and_space_are_normalised() -> None:
    assert Normalise().apply(torch.full((2, 3, 4, 5, 6), 127.5), {}).abs().max() == 0


def test_every_setting_has_one_number_a_channel() -> None:
    with pytest.raises(ValueError, match="one number a channel"):
        Normalise(mean=(1.0, 2.0))


def test_a_study_may_be_measured_by_itself_without_the_nothing_around_it() -> None:
    image = torch.full((2, 20, 30, 30), -3.5)
    image[:, 5:15, 5:25, 5:25] = 40 + 7 * torch.randn(2, 10, 20, 20)
    normalise = Normalise(mean=(0, 0), deviation=(1, 1), lower=(0, 0), upper=(1, 1), scope="study")
    own = normalise.for_study(image)
    assert own.mean == pytest.approx((40, 40), abs=0.5)
    assert own.deviation == pytest.approx((7, 7), abs=0.5)
    assert normalise.model_copy(update={"scope": "data"}).for_study(image).mean == (0, 0)
