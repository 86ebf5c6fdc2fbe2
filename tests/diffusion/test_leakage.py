"""A blur and a threshold must not read the mask off x_t, or the network learns to ignore the image.

The attack is given its best width of blur. Noise alone then has a Dice of f / (0.5 + f) for masks
that fill a share f of the image; with the cosine schedule and masks at -1 and 1, the mask is read.
docs/decisions/0012-leakage-and-size.md says why the bound holds for lesions and not for every f.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from medsegdiff.diffusion import Process, ProcessSettings
from medsegdiff.diffusion.schedules.cosine import Cosine

WIDTHS = (1 / 64, 1 / 48, 1 / 32, 1 / 24, 1 / 16, 1 / 12, 1 / 8, 1 / 6)  # of the blur, in sides
LEAKY = ProcessSettings(schedule=Cosine(), signal_scale=1)
LARGE = 0.25  # share of the image; all lesions fill 0.18 on average, those below this 0.17


def masks(folder, side, count=40):
    """Real masks on a square grid, spread over the data set, shape (count, side, side)."""
    files = sorted((folder / "masks").glob("*.png"))
    chosen = files[:: len(files) // count][:count]
    images = [Image.open(file).resize((side, side), Image.Resampling.NEAREST) for file in chosen]
    return torch.from_numpy(np.stack([np.asarray(image) > 0 for image in images])).long()


def dice_of_attack(labels, settings, level=0.9):
    """Mean Dice of the blurred and thresholded x_t, for the width of blur that does best."""
    process = Process(settings, labels.shape[1:])
    x_0, t = process.signal(labels), torch.full((len(labels),), int(level * settings.levels))
    eps = torch.randn(x_0.shape, generator=torch.Generator().manual_seed(0))
    noisy, truth = process.diffuse(x_0, t, eps)[:, 0].numpy(), labels.bool().numpy()
    return max(
        dice(gaussian_filter(noisy, (0, *[width * labels.shape[1]] * 2)) > 0, truth)
        for width in WIDTHS
    )


def dice(one, other):
    shared, total = (one & other).sum((1, 2)), one.sum((1, 2)) + other.sum((1, 2))
    return float(np.mean(2 * shared / total))


@pytest.mark.parametrize("side", [96, 128, 256])
def test_the_default_hides_bundled_masks_of_the_usual_size(skin_data, side):
    labels = masks(skin_data, side, count=12)
    usual = labels[labels.float().mean((1, 2)) < LARGE].repeat(20, 1, 1)  # the noise of 20 draws
    assert dice_of_attack(usual, ProcessSettings()) <= 0.4
    assert dice_of_attack(usual, LEAKY) > 0.8


@pytest.mark.parametrize("side", [96, 128])
def test_the_default_hides_real_masks(shared_data, side):
    assert dice_of_attack(masks(shared_data / "skin_isic2017", side), ProcessSettings()) <= 0.4


@pytest.mark.parametrize("side", [96, 128])
@pytest.mark.parametrize("data", ["us_fetalhead_hc18", "wbc_multiclass_ds1"])
def test_the_default_hides_large_structures_much_better_than_the_cosine(shared_data, data, side):
    labels = masks(shared_data / data, side)
    assert dice_of_attack(labels, ProcessSettings()) <= 0.6  # a third of the image: noise has 0.4
    assert dice_of_attack(labels, LEAKY) > 0.9


@pytest.mark.parametrize("side", [128, 256])
def test_the_cosine_with_masks_at_one_gives_them_away(shared_data, side):
    assert dice_of_attack(masks(shared_data / "skin_isic2017", side), LEAKY) > 0.8


def test_the_attack_is_stronger_with_less_noise(skin_data):
    labels = masks(skin_data, 96, count=12)
    found = [dice_of_attack(labels, ProcessSettings(), level) for level in (0.3, 0.6, 0.9)]
    assert found[0] > 0.8
    assert found[0] > found[1] > found[2]
