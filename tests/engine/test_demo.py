"""The demonstration: bundled images, bundled weights, one picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from medsegdiff.data import Folder
from medsegdiff.engine.demo import MODEL, demonstrate, samples_of, write_sheet
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import CheckpointError


def test_the_bundled_model_outlines_the_bundled_lesions():
    samples = samples_of(MODEL)
    assert len(samples.annotated_ids()) == 6
    results = list(demonstrate(samples, TrainedModel.load(MODEL, "cpu")))
    assert [len(one.prediction.members) for one in results] == [8] * 6
    assert sum(one.dice for one in results) / 6 > 0.8


def test_the_bundled_model_outlines_the_bundled_hippocampi():
    samples = samples_of("hippocampus")
    results = list(demonstrate(samples, TrainedModel.load("hippocampus", "cpu")))
    assert len(results) == 3
    assert sum(one.dice for one in results) / 3 > 0.84


def test_photographs_are_squeezed_as_the_images_were_that_the_model_was_trained_on():
    preparation = TrainedModel.load(MODEL, "cpu").config.preparation
    for study in samples_of(MODEL).ids():
        square = samples_of(MODEL).load(study)
        wide = replace(square, image=square.image.repeat_interleave(2, dim=2), labels=None)
        difference = preparation.prepare(wide).image - preparation.prepare(square).image
        assert difference.abs().mean() < 0.05


def test_the_picture_has_a_row_for_two_images(skin: Folder, model: TrainedModel, tmp_path: Path):
    results = list(demonstrate(skin, model))[:4]
    write_sheet(tmp_path / "demo" / "sheet.png", results)
    with Image.open(tmp_path / "demo" / "sheet.png") as sheet:
        assert sheet.width > 2.5 * sheet.height


def test_a_model_without_images_is_refused():
    with pytest.raises(CheckpointError, match="no bundled model 'mine'"):
        samples_of("mine")


@pytest.mark.parametrize(
    ("model", "licence"),
    [
        (MODEL, "CC0"),
        ("hippocampus", "CC BY-SA 4.0"),
        ("fetal-head", "CC BY 4.0"),
        ("nuclei", "CC0"),
    ],
)
def test_the_samples_say_where_they_come_from(model: str, licence: str):
    samples = samples_of(model)
    text = (samples.root / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert all(study in text for study in samples.ids())
    assert licence in text
