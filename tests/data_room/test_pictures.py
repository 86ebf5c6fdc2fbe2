from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from medsegdiff.data.pictures import (
    CLASS_COLOURS,
    TRUTH_COLOUR,
    heat_map,
    outline,
    overlay,
    picture,
)


def square(size: int = 20) -> torch.Tensor:
    labels = torch.zeros(size, size, dtype=torch.int64)
    labels[5:15, 6:16] = 1
    return labels


def test_fourteen_classes_can_be_told_apart_from_each_other_and_from_the_truth() -> None:
    colours = np.asarray([[*CLASS_COLOURS, TRUTH_COLOUR]], dtype=np.uint8)
    profiles = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
    found = ImageCms.profileToProfile(Image.fromarray(colours), *profiles, outputMode="LAB")
    assert found is not None
    lab = np.asarray(found)[0].view(np.int8) * np.array([0.0, 1.0, 1.0])
    lab[:, 0] = np.asarray(found)[0, :, 0] / 2.55
    apart = np.linalg.norm(lab[:, None] - lab, axis=-1)[~np.eye(len(lab), dtype=bool)]
    assert len(CLASS_COLOURS) == 14
    assert apart.min() > 25  # CIE 1976; from about 10 on colours are seen to differ at a glance


def test_an_outline_is_the_rim_of_the_structure() -> None:
    rim = outline(square())
    assert rim.sum() == 36
    assert rim[5, 6:16].all()
    assert not rim[6:14, 7:15].any()


def test_classes_that_touch_are_outlined_apart() -> None:
    labels = torch.ones(10, 10, dtype=torch.int64)
    labels[:, 5:] = 2
    assert outline(labels)[:, 4:6].all()
    assert not outline(labels)[:, :4].any()


@given(st.integers(0, 999))
def test_no_background_is_outlined(seed: int) -> None:
    labels = torch.randint(0, 3, (12, 9), generator=torch.Generator().manual_seed(seed))
    assert not (outline(labels) & (labels == 0).numpy()).any()


def test_an_overlay_shows_labels_and_truth_in_their_colours() -> None:
    drawn = np.asarray(overlay(torch.rand(1, 20, 20), square(), truth=square().roll(3, 0)))
    colours = {tuple(pixel) for pixel in drawn.reshape(-1, 3).tolist()}
    assert {CLASS_COLOURS[0], TRUTH_COLOUR} <= colours
    assert tuple(drawn[5, 6]) == CLASS_COLOURS[0]


def test_an_overlay_can_be_made_smaller_and_larger() -> None:
    image = torch.rand(3, 40, 60) * 3000 - 1000
    labels = torch.ones(40, 60, dtype=torch.int64)
    assert overlay(image, labels, side=30).size == (30, 20)
    assert overlay(image, side=120).size == (120, 80)


def test_a_picture_goes_from_black_to_white() -> None:
    drawn = np.asarray(picture(torch.linspace(-7, 9000, 400).reshape(1, 20, 20)))
    assert (drawn.min(), drawn.max()) == (0, 255)
    assert {*np.asarray(picture(torch.full((1, 9, 9), 5.0))).flat} == {127}  # dark or bright?
    assert picture(torch.rand(2, 9, 11)).size == (11, 9)


def test_heat_grows_with_uncertainty() -> None:
    drawn = np.asarray(heat_map(torch.linspace(0, math.log(2), 50)[None])).astype(int)[0]
    assert (np.diff(drawn.sum(axis=1)) >= 0).all()
    assert heat_map(torch.zeros(4, 8), side=80).size == (80, 40)
