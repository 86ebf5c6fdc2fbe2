from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from medsegdiff.data.labels import LabelMap
from medsegdiff.errors import DataError

Spoil = Callable[[np.ndarray], np.ndarray]
BINARY = {"background": 0, "lesion": 1}
THREE = {"background": 0, "rim": 1, "cup": 2}


def disc(values: tuple[int, ...] = (0, 255), size: int = 64) -> np.ndarray:
    """Nested discs of the given values, outermost first."""
    drawn = Image.new("L", (size, size), values[0])
    for index, value in enumerate(values[1:]):
        inset = size * (index + 1) // (2 * len(values) + 1)
        ImageDraw.Draw(drawn).ellipse((inset, inset, size - inset, size - inset), fill=value)
    return np.asarray(drawn)


def as_jpeg(mask: np.ndarray, quality: int = 80) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(mask).save(file, format="JPEG", quality=quality)
    return np.asarray(Image.open(file))


def smoothed(mask: np.ndarray) -> np.ndarray:
    drawn = Image.fromarray(mask)
    return np.asarray(drawn.resize((96, 96), Image.Resampling.BILINEAR))


@given(st.sets(st.integers(-300, 70_000), min_size=2, max_size=6), st.integers(0, 2**32 - 1))
def test_decode_undoes_encode_for_any_values(values: set[int], seed: int) -> None:
    names = tuple(f"class_{i}" for i in range(len(values)))
    label_map = LabelMap(names=names, values=tuple(values))
    raw = np.random.default_rng(seed).choice(list(values), (9, 7)).astype(np.int32)
    assert np.array_equal(label_map.decode(label_map.encode(raw)), raw)


@pytest.mark.parametrize(
    ("values", "kind"), [((0, 255), np.uint8), ((0, 256), np.uint16), ((-1, 5), np.int32)]
)
def test_decode_takes_the_smallest_type(values: tuple[int, int], kind: type) -> None:
    label_map = LabelMap(names=("a", "b"), values=values)
    assert label_map.decode(torch.zeros(2, 2, dtype=torch.int64)).dtype == kind


@pytest.mark.parametrize("values", [(0, 255), (0, 1), (0, 1, 2), (0, 128, 255), (3, 7, 9, 1000)])
def test_clean_values_are_recognised_without_being_told(values: tuple[int, ...]) -> None:
    raw = np.repeat(np.asarray(values), 16).reshape(-1, 8)
    label_map, findings = LabelMap.recognise([raw])
    assert label_map.values == values
    assert not label_map.is_noisy
    assert str(values[-1]) in findings[0]


@pytest.mark.parametrize("spoilt", [as_jpeg, smoothed])
@pytest.mark.parametrize("labels", [None, BINARY])
def test_noise_of_binary_masks_is_cleaned(spoilt: Spoil, labels: dict | None) -> None:
    raw = spoilt(disc())
    label_map, findings = LabelMap.recognise([raw], labels)
    assert label_map.values == (0, 255)
    assert any("nearest class" in sentence for sentence in findings)
    assert np.array_equal(label_map.encode(raw).numpy(), raw > 127)


@pytest.mark.parametrize("spoilt", [as_jpeg, smoothed])
def test_noise_between_three_classes_makes_no_rim(spoilt: Spoil) -> None:
    raw = spoilt(disc((0, 255)))
    nested = spoilt(disc((0, 120, 240)))
    label_map, _ = LabelMap.recognise([nested])
    assert len(label_map.values) == 3
    labels = LabelMap(names=("a", "b", "c"), values=(0, 120, 255), is_noisy=True).encode(raw)
    assert (labels == 1).float().mean() < 0.005


def test_declared_values_are_kept() -> None:
    label_map, findings = LabelMap.recognise([disc((0, 255))], BINARY, {"lesion": 255})
    assert label_map == LabelMap(names=("background", "lesion"), values=(0, 255))
    assert findings == []


def test_a_class_that_no_mask_holds_stays_declared() -> None:
    label_map, _ = LabelMap.recognise([disc((0, 1))], THREE)
    assert label_map.values == (0, 1, 2)


def test_stored_values_in_place_of_class_numbers_are_taken_in_order_and_reported() -> None:
    label_map, findings = LabelMap.recognise([disc((0, 128, 255))], THREE)
    assert label_map.values == (0, 128, 255)
    assert "taken in this order" in findings[0]


def test_masks_that_contradict_declared_values_are_refused() -> None:
    with pytest.raises(DataError, match="label_values"):
        LabelMap.recognise([disc((0, 90, 180, 255))], BINARY)
    with pytest.raises(DataError, match="the masks hold 0, 1"):
        LabelMap.recognise([disc((0, 1))], BINARY, {"lesion": 255})


def test_colours_are_recognised_and_written_back() -> None:
    palette = np.asarray([(0, 0, 0), (255, 0, 0), (0, 0, 255)], dtype=np.uint8)
    raw = palette[disc((0, 1, 2))]
    label_map, _ = LabelMap.recognise([raw, np.zeros((9, 9), dtype=np.uint8)])
    assert set(label_map.colours) == {(0, 0, 0), (255, 0, 0), (0, 0, 255)}
    assert np.array_equal(label_map.decode(label_map.encode(raw)), raw)


def test_declared_colours_give_the_order_of_classes() -> None:
    raw = np.asarray([(0, 0, 0), (255, 0, 0), (0, 0, 255)], dtype=np.uint8)[disc((0, 1, 2))]
    colours = {"rim": (255, 0, 0), "cup": (0, 0, 255)}
    label_map, _ = LabelMap.recognise([raw], THREE, None, colours)
    assert np.array_equal(label_map.encode(raw).numpy(), disc((0, 1, 2)))


def test_blended_colours_are_noise() -> None:
    raw = np.asarray([(0, 0, 0), (255, 0, 0)], dtype=np.uint8)[disc((0, 1))]
    blended = np.asarray(Image.fromarray(raw).resize((96, 96), Image.Resampling.BILINEAR))
    label_map, _ = LabelMap.recognise([blended])
    assert label_map.colours == ((0, 0, 0), (255, 0, 0))
    assert label_map.is_noisy


def test_a_thin_class_is_not_taken_for_noise() -> None:
    raw = disc((0, 255)).copy()
    raw[:, 2] = 100
    raw[40, :3] = 101
    label_map, _ = LabelMap.recognise([raw])
    assert label_map.values == (0, 100, 101, 255)


def test_empty_masks_alone_still_give_two_classes() -> None:
    label_map, findings = LabelMap.recognise([np.zeros((9, 9), dtype=np.uint8)])
    assert label_map.classes == 2
    assert "outlines anything" in findings[0]


def test_pictures_in_place_of_masks_are_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    with pytest.raises(DataError, match="looks like pictures"):
        LabelMap.recognise([noise])


def test_numbered_objects_are_refused() -> None:
    blocks = np.kron(np.arange(256, dtype=np.uint8).reshape(16, 16), np.ones((6, 6), np.uint8))
    with pytest.raises(DataError, match="numbered objects"):
        LabelMap.recognise([blocks])


def test_a_strange_value_is_named() -> None:
    label_map = LabelMap(names=("background", "lesion"), values=(0, 1))
    with pytest.raises(DataError, match=r"7 in 1 voxel.*1 \(lesion\)"):
        label_map.encode(np.asarray([[0, 7]]))
    with pytest.raises(DataError, match="colours"):
        label_map.encode(np.zeros((4, 4, 3), dtype=np.uint8))


@pytest.mark.parametrize("labels", [{"rim": 1, "cup": 2}, {"background": 0, "whole": [1, 2]}])
def test_unusable_declarations_are_refused(labels: dict) -> None:
    with pytest.raises(DataError, match=r"dataset\.json"):
        LabelMap.recognise([disc()], labels)


def test_channels_of_a_mask() -> None:
    assert LabelMap(names=("a", "b"), values=(0, 1)).mask_channels == 1
    assert LabelMap(names=("a", "b", "c"), values=(0, 1, 2)).mask_channels == 3
    with pytest.raises(ValueError, match="as many different values"):
        LabelMap(names=("a", "b"), values=(0, 0))


def test_a_rare_thin_class_among_class_numbers_is_kept() -> None:
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[10:50, 10:50] = 1
    mask[30, 12:48:3] = 2
    label_map, findings = LabelMap.recognise([mask])
    assert label_map.values == (0, 1, 2)
    assert not any("noise" in finding for finding in findings)
