"""A blur and a threshold must not read the mask off x_t, or the network learns to ignore the image.

The attack is given its best width of blur. Noise alone then has a Dice of f / (0.5 + f) for masks
that fill a share f of the image; with the cosine schedule and masks at -1 and 1, the mask is read.
docs/decisions/0012-leakage-and-size.md says why the bound holds for lesions and not for every f.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ablation.leakage import leakage
from PIL import Image

from medsegdiff.diffusion import ProcessSettings
from medsegdiff.diffusion.schedules.cosine import Cosine
from medsegdiff.types import BINARY

LEAKY = ProcessSettings(schedule=Cosine(), signal_scale=1)
LARGE = 0.25  # share of the image; all lesions fill 0.18 on average, those below this 0.17


def masks(folder, side, count=40):
    """Real masks on a square grid, spread over the data set, shape (count, side, side)."""
    files = sorted((folder / "masks").glob("*.png"))
    chosen = files[:: len(files) // count][:count]
    images = [Image.open(file).resize((side, side), Image.Resampling.NEAREST) for file in chosen]
    return torch.from_numpy(np.stack([np.asarray(image) > 0 for image in images])).long()


@pytest.mark.parametrize("side", [96, 128, 256])
def test_the_default_hides_bundled_masks_of_the_usual_size(skin_data, side):
    labels = masks(skin_data, side, count=12)
    usual = labels[labels.float().mean((1, 2)) < LARGE].repeat(7, 1, 1)  # each thrice: 21 draws
    assert leakage(ProcessSettings(), usual, BINARY) <= 0.4
    assert leakage(LEAKY, usual, BINARY) > 0.8


@pytest.mark.parametrize("side", [96, 128])
def test_the_default_hides_real_masks(shared_data, side):
    assert leakage(ProcessSettings(), masks(shared_data / "skin_isic2017", side), BINARY) <= 0.4


@pytest.mark.parametrize("side", [96, 128])
@pytest.mark.parametrize("data", ["us_fetalhead_hc18", "wbc_multiclass_ds1"])
def test_the_default_hides_large_structures_much_better_than_the_cosine(shared_data, data, side):
    labels = masks(shared_data / data, side)
    assert leakage(ProcessSettings(), labels, BINARY) <= 0.6  # a third of the image: noise has 0.4
    assert leakage(LEAKY, labels, BINARY) > 0.9


@pytest.mark.parametrize("side", [128, 256])
def test_the_cosine_with_masks_at_one_gives_them_away(shared_data, side):
    assert leakage(LEAKY, masks(shared_data / "skin_isic2017", side), BINARY) > 0.8


def test_the_attack_is_stronger_with_less_noise(skin_data):
    labels = masks(skin_data, 96, count=12)
    found = [leakage(ProcessSettings(), labels, BINARY, level) for level in (0.3, 0.6, 0.9)]
    assert found[0] > 0.8
    assert found[0] > found[1] > found[2]
