"""Images like the training images, and others: on made ones, and on those of other organs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from medsegdiff.data import Familiar, Folder, Preparation
from medsegdiff.data.preparation import fitted_grid
from medsegdiff.data.transforms.normalise import Normalise

COLOURS = ("red", "green", "blue")


def known(skin: Folder, studies: list[str]) -> tuple[Familiar, Normalise]:
    intensity = Preparation.fit(fitted_grid(skin, studies, 96), skin, studies).intensity
    found = Familiar.fit(skin, studies, intensity)
    assert found is not None
    return found, intensity


@pytest.fixture
def skin(skin_data: Path) -> Folder:
    return Folder(root=skin_data)


def test_training_images_are_never_doubted(skin: Folder):
    found, intensity = known(skin, skin.ids())
    assert not [s for s in skin.ids() if found.doubts(skin.load(s).image, intensity, COLOURS)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image: image * 0.05, "darker"),
        (lambda image: image * torch.tensor([0.2, 1, 1])[:, None, None], "darker in red"),
        (lambda image: image.mean(dim=0, keepdim=True).expand(3, -1, -1), "less colourful"),
        (lambda image: 120 + 0.02 * image, "with less contrast"),
        (lambda image: 255 * torch.rand(image.shape), "grainier"),
    ],
)
def test_what_is_different_is_said(skin: Folder, change: Callable, words: str):
    found, intensity = known(skin, skin.ids())
    found = found.model_copy(update={"studies": 500})
    image = skin.load("ISIC_0000460").image
    assert words in found.doubts(change(image), intensity, COLOURS)


def test_settings_survive_json(skin: Folder):
    found, _ = known(skin, skin.ids())
    assert Familiar.model_validate_json(found.model_dump_json()) == found


def test_few_images_show_less_of_the_range():
    wide, image = ((-9.0, 9.0),), torch.full((1, 8, 8), 64.0)  # about -1 when prepared
    found = Familiar(studies=5, brightness=((0, 1),), contrast=wide, clipped=wide)
    assert not found.doubts(image, Normalise(), ("grey",))
    many = found.model_copy(update={"studies": 1000})
    assert many.doubts(image, Normalise(), ("grey",)) == ["darker"]


@pytest.mark.parametrize(("mean", "doubts"), [(0.12, []), (0.15, ["brighter"])])
def test_what_nobody_sees_is_not_doubted(mean: float, doubts: list[str]):
    wide = ((-9.0, 9.0),)
    found = Familiar(studies=500, brightness=((-0.01, 0.03),), contrast=wide, clipped=wide)
    image = torch.full((1, 8, 8), 127.5 + 64 * mean)
    assert found.doubts(image, Normalise(), ("grey",)) == doubts


def test_too_few_images_show_nothing(skin: Folder):
    assert Familiar.fit(skin, skin.ids()[:4], Normalise()) is None


def test_a_single_channel_has_no_colour(head_data: Path):
    heads = Folder(root=head_data)
    intensity = Preparation.fit(fitted_grid(heads, heads.ids(), 96), heads, heads.ids()).intensity
    found = Familiar.fit(heads, heads.ids(), intensity)
    assert found is not None
    assert found.colour is None
    image = heads.load(heads.ids()[0]).image
    assert not found.doubts(image, intensity, ("grey",))
    assert "brighter" in found.doubts(255 - image, intensity, ("grey",))


def test_images_of_other_organs_are_doubted_and_skin_is_not(shared_data: Path):
    skin = Folder(root=shared_data / "skin_isic2017")
    splits = skin.declared_splits()
    found, intensity = known(skin, splits.train)
    for study in splits.val:
        assert not found.doubts(skin.load(study).image, intensity, COLOURS), study
    for name in ("us_fetalhead_hc18", "cells_bubil_5raters", "cxr_lungs_shenzhen"):
        other = Folder(root=shared_data / name, channels=3)
        for study in other.ids()[::10]:
            assert found.doubts(other.load(study).image, intensity, COLOURS), study
