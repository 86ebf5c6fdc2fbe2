"""Warnings about masks and images: on noise, on true masks, and on images of another kind."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from medsegdiff.data import Folder
from medsegdiff.engine.folder_prediction import predict_folder
from medsegdiff.engine.plain_warnings import image_warnings, is_noise, mask_warnings
from medsegdiff.types import Geometry, Sample

GRID = 96


def noise(share: float, side: int, grid: int) -> Tensor:
    """A mask whose voxels are drawn one by one on a grid, and brought to a size."""
    drawn = torch.rand(1, 1, grid, grid, generator=torch.Generator().manual_seed(0)) < share
    return (interpolate(drawn.float(), (side, side), mode="bilinear")[0, 0] >= 0.5).long()


def warned(mask: Tensor) -> str:
    return " ".join(mask_warnings(mask, 32**2))


def sample_of(image: Tensor, modality: str = "") -> Sample:
    return Sample("study", image, Geometry(tuple(image.shape[1:])), modality=modality)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.9])
@pytest.mark.parametrize(("side", "grid"), [(256, 96), (500, 96), (256, 256)])
def test_noise_is_found_at_any_density(share: float, side: int, grid: int):
    assert is_noise(noise(share, side, grid).bool().numpy(), GRID**2)


@pytest.mark.parametrize("name", ["nuclei_dsb2018", "fundus_vessels_chase_2raters"])
def test_many_true_pieces_are_not_noise(shared_data, name: str):
    folder = Folder(root=shared_data / name)
    for study in folder.ids()[:20]:
        assert not is_noise((folder.load(study).labels > 0).numpy(), GRID**2), study


def test_each_mask_has_its_own_sentence():
    full = torch.ones(64, 64, dtype=torch.long)
    square = full.clone()
    square[:, 30:] = 0
    assert "is empty" in warned(0 * full)
    assert "nearly the whole image" in warned(full)
    assert "tiny pieces" in warned(noise(0.3, 64, 64))
    assert warned(square) == ""


def test_an_image_of_another_kind_is_told(model, head_data, skin):
    head = Folder(root=head_data, channels=3)
    image = head.load(head.ids()[0]).image
    (warning,) = image_warnings(sample_of(image), model.config)
    assert warning.startswith("The image is unlike the training images: ")
    assert "less colourful" in warning
    for study in skin.declared_splits().train:
        sample = sample_of(skin.load(study).image)
        assert not list(image_warnings(sample, model.config))


@pytest.mark.parametrize(
    ("modality", "channels", "told"),
    [
        ("CT", ("T1",), "is CT, but the model was trained on MR (T1)"),
        ("MR", ("CT",), "is MR, but the model was trained on CT (CT)"),
        ("US", ("FLAIR", "T1-Gd"), "is US, but the model was trained on MR (FLAIR, T1-Gd)"),
        ("MR", ("T1",), ""),
        ("PT", ("CT", "PET"), ""),
        ("OT", ("T1",), ""),
        ("", ("T1",), ""),
        ("CT", ("channel_0",), ""),
        ("CT", ("T1", "mask"), ""),
    ],
)
def test_an_image_of_another_modality_is_told(model, modality, channels, told: str):
    config = model.config.model_copy(update={"familiar": None, "channel_names": channels})
    sample = sample_of(torch.zeros(1, 64, 64), modality)
    found = list(image_warnings(sample, config))
    assert bool(found) == bool(told)
    assert told in "".join(found)


def test_warnings_about_an_image_come_before_its_first_step(model, head_data, tmp_path):
    heard: list[str] = []
    image = next((head_data / "images").iterdir())
    (result,) = predict_folder(
        image,
        tmp_path,
        model,
        progress=lambda done, total: heard.append(f"{done} of {total}"),
        warn=lambda study, warnings: heard.extend(f"{study}: {one}" for one in warnings),
    )
    assert heard[0].startswith(f"{result.study}: The image is unlike the training images")
    assert heard[1].startswith("0 of ")
    assert heard[0].removeprefix(f"{result.study}: ") in result.prediction.warnings
