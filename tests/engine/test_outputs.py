"""Writing predictions: what lies where in OUT, and what it means."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from medsegdiff.data import LabelMap
from medsegdiff.data.reader import read_image, read_mask
from medsegdiff.engine.file_names import mask_ending, masks_of
from medsegdiff.engine.outputs import Extras, StudyPrediction, thinned
from medsegdiff.types import Geometry

LESION = LabelMap(names=("background", "lesion"), values=(0, 255))
CELL = LabelMap(names=("background", "cytoplasm", "nucleus"), values=(0, 128, 255))
ALL = Extras(probabilities=True, uncertainty=True, members=True, previews=True)


def drawn(label_map: LabelMap = LESION, shape: tuple[int, ...] = (12, 20)) -> StudyPrediction:
    generator = torch.Generator().manual_seed(0)
    probability = torch.rand(label_map.mask_channels, *shape, generator=generator)
    probability = probability if len(probability) == 1 else probability.softmax(dim=0)
    mask = torch.zeros(shape, dtype=torch.long)
    mask[tuple(slice(2, 6) for _ in shape)] = label_map.classes - 1
    return StudyPrediction(
        study="s1",
        mask=mask,
        probability=probability,
        uncertainty=torch.rand(shape, generator=generator) * math.log(label_map.classes),
        mutual_information=torch.zeros(shape),
        quality=0.9,
        members=torch.stack([mask, mask]).to(torch.uint8),
        geometry=Geometry(shape),
        provenance={},
        image=torch.rand(3, *shape, generator=generator),
        label_map=label_map,
    )


def test_the_root_holds_the_mask_alone(tmp_path: Path):
    path = drawn().save(tmp_path, ALL)
    assert [one for one in tmp_path.iterdir() if one.is_file()] == [path]
    folders = {one.name for one in tmp_path.iterdir() if one.is_dir()}
    assert folders == {"probabilities", "uncertainty", "members", "previews"}


def test_without_extras_there_is_only_the_mask(tmp_path: Path):
    drawn().save(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["s1.png"]


@pytest.mark.parametrize("label_map", [LESION, CELL])
def test_masks_hold_the_users_values(label_map: LabelMap, tmp_path: Path):
    prediction = drawn(label_map)
    stored = read_mask(prediction.save(tmp_path, ALL)).values
    np.testing.assert_array_equal(stored, (prediction.mask > 0).numpy() * np.uint8(255))
    member = read_mask(tmp_path / "members" / "member_1" / "s1.png").values
    np.testing.assert_array_equal(member, stored)


def test_a_probability_reads_back_to_sixteen_bits(tmp_path: Path):
    prediction = drawn()
    prediction.save(tmp_path, ALL)
    found = read_image(tmp_path / "probabilities" / "s1.png").image / 65535
    torch.testing.assert_close(found, prediction.probability, atol=1 / 65535, rtol=0)


def test_every_class_has_a_probability(tmp_path: Path):
    prediction = drawn(CELL)
    prediction.save(tmp_path, ALL)
    files = [tmp_path / "probabilities" / f"class_{one}" / "s1.png" for one in range(3)]
    total = sum(read_image(file).image for file in files) / 65535
    torch.testing.assert_close(total, torch.ones_like(total), atol=1e-4, rtol=0)


def test_uncertainty_is_stored_as_a_share_of_ln_k(tmp_path: Path):
    prediction = drawn(CELL)
    prediction.save(tmp_path, ALL)
    share = read_image(tmp_path / "uncertainty" / "s1.png").image[0] / 65535
    expected = prediction.uncertainty / math.log(3)
    torch.testing.assert_close(share, expected, atol=1 / 65535, rtol=0)


def test_values_that_no_png_holds_go_into_a_tif(tmp_path: Path):
    label_map = LabelMap(names=("background", "bone"), values=(-1000, 1000))
    path = drawn(label_map).save(tmp_path)
    assert masks_of(tmp_path, "s1") == [path]
    assert path.suffix == ".tif"
    assert set(np.unique(read_mask(path).values)) == {-1000, 1000}


@pytest.mark.parametrize(
    ("source", "dims", "ending"),
    [
        ("a_0000.nii.gz", 3, ".nii.gz"),
        ("a.NII", 3, ".nii"),
        ("a.nii.gz", 2, ".nii.gz"),
        ("a.nhdr", 3, ".nrrd"),
        ("a.mhd", 3, ".mha"),
        ("series", 3, ".nii.gz"),
        ("stack.tiff", 3, ".tif"),
        ("photo.tif", 2, ".png"),
        ("photo.jpg", 2, ".png"),
    ],
)
def test_a_mask_is_stored_as_its_image_was(source: str, dims: int, ending: str):
    assert mask_ending(Path(source), dims, LESION) == ending


def test_arrays_are_stored_as_what_everybody_reads():
    assert mask_ending(None, 3, LESION) == ".nii.gz"
    assert mask_ending(None, 2, LESION) == ".png"


def test_what_is_unknown_is_none_and_not_zero():
    statistics = drawn().statistics()
    lesion = statistics["classes"]["lesion"]
    assert lesion["n_voxels"] == 16
    assert lesion["volume_ml"] is None
    assert lesion["area_mm2"] is None
    assert statistics["quality"] == 0.9


def test_the_spacing_gives_area_and_volume():
    flat = replace(drawn(), geometry=Geometry((12, 20), spacing_mm=(0.5, 2.0)))
    assert flat.statistics()["classes"]["lesion"]["area_mm2"] == 16
    thick = drawn(shape=(8, 8, 8))
    thick = replace(thick, geometry=Geometry((8, 8, 8), spacing_mm=(1.0, 2.0, 5.0)))
    lesion = thick.statistics()["classes"]["lesion"]
    assert lesion["volume_ml"] == pytest.approx(0.64)
    assert lesion["area_mm2"] is None


def test_an_empty_mask_has_no_uncertainty_inside():
    empty = replace(drawn(), mask=torch.zeros(12, 20, dtype=torch.long))
    statistics = empty.statistics()
    assert statistics["mean_uncertainty_inside_nats"] is None
    assert statistics["classes"]["lesion"]["n_pieces"] == 0


@pytest.mark.parametrize(("row", "touches"), [(0, True), (1, False), (11, True)])
def test_structures_at_the_border_are_told(row: int, touches: bool):
    mask = torch.zeros(12, 20, dtype=torch.long)
    mask[row, 5] = 1
    found = replace(drawn(), mask=mask).statistics()["classes"]["lesion"]
    assert found["touches_border"] is touches


def test_a_preview_shows_three_pictures(tmp_path: Path):
    drawn().save(tmp_path, Extras(previews=True))
    with Image.open(tmp_path / "previews" / "s1.png") as shown:
        assert shown.width > 2.5 * shown.height


def test_a_volume_is_shown_in_three_planes():
    flat = replace(drawn(shape=(20, 40, 40)), geometry=Geometry((20, 40, 40), (2.0, 1.0, 1.0)))
    sheet, one_row = flat.preview(), drawn(shape=(40, 40)).preview()
    assert sheet.width == one_row.width
    assert 2.8 * one_row.height < sheet.height < 3.2 * one_row.height


def test_large_images_are_thinned_for_pictures():
    assert thinned(torch.zeros(3, 4000, 6000), 768).shape == (3, 1334, 2000)
    assert thinned(torch.zeros(200, 300), 768).shape == (200, 300)
