"""What a viewer draws is what was predicted, in bytes."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image

from medsegdiff.data import LabelMap
from medsegdiff.engine.layers import as_stored, in_bytes, shown, write_layers
from medsegdiff.engine.outputs import StudyPrediction
from medsegdiff.engine.predict import predict
from medsegdiff.types import Geometry, Prediction


@pytest.fixture(scope="module")
def picture(model, lesion):
    return StudyPrediction.of(predict(lesion, model, model.predict), model.config.labels)


@pytest.fixture
def volume() -> StudyPrediction:
    """Two classes on a grid of 2 x 3 x 4 voxels of 3 x 2 x 1 mm."""
    mask = torch.arange(24).reshape(2, 3, 4) % 3
    share = torch.nn.functional.one_hot(mask, 3).movedim(-1, 0).float()
    affine = torch.diag(torch.tensor([1.0, 2.0, 3.0, 1.0], dtype=torch.float64))[:, [2, 1, 0, 3]]
    geometry = Geometry((2, 3, 4), (3.0, 2.0, 1.0), affine)
    flat, members = torch.zeros(2, 3, 4), torch.stack([mask, mask.flip(0)])
    image = 1000 * share[:1] - 1024
    found = Prediction("x", mask, share, flat, flat, 1.0, members, geometry, {}, image)
    return StudyPrediction.of(found, LabelMap(names=("nothing", "a", "b"), values=(0, 1, 2)))


def test_a_picture_s_layers_are_bytes_at_its_own_size(picture, tmp_path):
    layers = write_layers(picture, tmp_path)
    read = {name: np.asarray(Image.open(path)) for name, path in layers.items()}
    assert np.array_equal(read["mask"], picture.mask.numpy())
    assert np.array_equal(read["image"], picture.image.numpy().transpose(1, 2, 0))
    assert np.abs(read["probability_0"] / 255 - picture.probability[0].numpy()).max() < 0.002
    assert sum(name.startswith("member_") for name in layers) == len(picture.members)


def test_a_volume_s_layers_lie_on_its_grid(volume, tmp_path):
    layers = write_layers(volume, tmp_path)
    assert {"probability_0", "probability_1", "member_1"} <= set(layers)
    assert "probability_2" not in layers  # the background has none
    for name, path in layers.items():
        read = nibabel.Nifti1Image.from_filename(path)
        assert read.header.get_zooms() == (1.0, 2.0, 3.0), name
    drawn = np.asarray(nibabel.Nifti1Image.from_filename(layers["mask"]).dataobj)
    assert np.array_equal(drawn.T, volume.mask.numpy())


def test_intensities_keep_their_numbers():
    hounsfield = torch.tensor([[-1024.0, 3071.0]])
    assert as_stored(hounsfield).dtype == np.int16
    assert as_stored(hounsfield / 7).dtype == np.float32
    assert as_stored(hounsfield * 1e6).dtype == np.float32


def test_other_intensities_are_stretched():
    dark = shown(torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(0)) * 4000)
    assert (dark.mode, dark.getextrema()[0]) == ("RGB", (0, 255))


def test_shares_become_bytes():
    assert in_bytes(torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0])).tolist() == [0, 0, 128, 255, 255]
