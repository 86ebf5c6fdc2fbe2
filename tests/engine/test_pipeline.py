"""The Python face: files, Pillow images and arrays give the same prediction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from medsegdiff import MedSegDiffPipeline
from medsegdiff.data.formats.picture import stored_values
from medsegdiff.diffusion.samplers.ddim import DDIM
from medsegdiff.engine.pipeline import intensities
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import CheckpointError, ConfigError, DataError


@pytest.fixture
def pipe(model: TrainedModel) -> MedSegDiffPipeline:
    return MedSegDiffPipeline(model)


@pytest.fixture
def photo(skin_data: Path) -> Path:
    return skin_data / "images" / "ISIC_0014836.jpg"


def test_a_file_a_picture_and_an_array_are_the_same(pipe: MedSegDiffPipeline, photo: Path):
    with Image.open(photo) as opened:
        picture = opened.convert("RGB")
    expected = pipe(photo).probability
    for image in (str(photo), picture, np.asarray(picture)):
        assert torch.equal(pipe(image).probability, expected)


def test_settings_are_those_of_the_call(pipe: MedSegDiffPipeline, photo: Path):
    prediction = pipe(photo, members=2, steps=3, seed=5)
    assert prediction.provenance["predict"]["members"] == len(prediction.members) == 2
    assert prediction.provenance["predict"]["sampler"]["steps"] == 3
    assert not torch.equal(prediction.probability, pipe(photo, members=2, steps=3).probability)


def test_a_prediction_saves_itself(pipe: MedSegDiffPipeline, photo: Path, tmp_path: Path):
    path = pipe(photo).save(str(tmp_path))
    assert path == tmp_path / "ISIC_0014836.png"
    with Image.open(path) as mask:
        assert mask.size == (256, 256)


def test_grey_is_repeated_where_colour_is_expected(pipe: MedSegDiffPipeline):
    grey = np.random.default_rng(0).integers(0, 255, (40, 60), dtype=np.uint8)
    expected = pipe(np.stack([grey] * 3, axis=-1)).probability
    assert torch.equal(pipe(grey).probability, expected)
    assert torch.equal(pipe(Image.fromarray(grey)).probability, expected)


@pytest.mark.parametrize("shape", [(4, 40), (40, 40, 2), (3, 40, 40), (40,)])
def test_other_shapes_are_refused(pipe: MedSegDiffPipeline, shape: tuple[int, ...]):
    with pytest.raises(DataError, match="the channels last"):
        pipe(np.zeros(shape, dtype=np.uint8))


def test_numbers_must_be_finite(pipe: MedSegDiffPipeline):
    with pytest.raises(DataError, match="not finite"):
        pipe(np.full((16, 16), np.nan))


def test_unknown_settings_and_folders_are_refused(pipe: MedSegDiffPipeline, photo: Path):
    with pytest.raises(ConfigError, match="member"):
        pipe(photo, member=3)
    with pytest.raises(DataError, match="predict_folder"):
        pipe(photo.parent)


def test_a_folder_is_predicted_study_by_study(
    pipe: MedSegDiffPipeline, head_data: Path, tmp_path: Path
):
    results = pipe.predict_folder(head_data / "images", tmp_path, members=1)
    first = next(results)
    assert first.prediction is not None
    assert first.prediction.mask.shape == first.prediction.image.shape[1:]
    results.close()
    assert first.mask_file is not None
    assert first.mask_file.is_file()


def test_what_is_saved_loads_again(pipe: MedSegDiffPipeline, photo: Path, tmp_path: Path):
    pipe.save_pretrained(tmp_path)
    again = MedSegDiffPipeline.from_pretrained(str(tmp_path), device="cpu")
    torch.testing.assert_close(again(photo).probability, pipe(photo).probability, atol=0.02, rtol=0)


def test_no_model_is_a_sentence():
    with pytest.raises(CheckpointError, match="There is no model at nowhere"):
        MedSegDiffPipeline.from_pretrained("nowhere")


@pytest.mark.parametrize("mode", ["I", "I;16", "F"])
def test_a_deep_grey_picture_keeps_its_range(mode: str):
    deep = np.linspace(0, 3999, 64).astype(np.uint16).reshape(8, 8)
    picture = Image.fromarray(deep.astype({"I": np.int32, "F": np.float32}.get(mode, np.uint16)))
    assert picture.mode == mode
    assert intensities(stored_values(picture), 3).max() == 3999


@pytest.mark.parametrize("mode", ["LA", "1", "P", "RGBA"])
def test_any_picture_suits_a_grey_model_if_it_shows_grey(mode: str):
    grey = Image.fromarray((np.eye(16) * 255).astype(np.uint8))
    assert intensities(stored_values(grey.convert(mode)), 1).shape == (1, 16, 16)


@pytest.mark.parametrize(
    "sampler", [{"name": "ddim", "eta": 0.5, "steps": 2}, DDIM(eta=0.5, steps=2)]
)
def test_a_sampler_may_be_given_with_its_settings(sampler, pipe: MedSegDiffPipeline):
    chosen = pipe.config(sampler=sampler).sampler
    assert chosen == DDIM(eta=0.5, steps=2)


def test_nearly_grey_pictures_are_grey_as_files_are():
    colour = np.full((16, 16, 3), 200, dtype=np.uint8)
    colour[..., 0] = 203  # as JPEG leaves it
    assert intensities(colour, 1).unique().tolist() == [201]
    with pytest.raises(DataError, match="cannot be used"):
        intensities(colour + np.array([50, 0, 0], dtype=np.uint8), 1)
