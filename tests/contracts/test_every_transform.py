"""Whatever transform there is: drawn once, applied alike to image and labels, and undone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from medsegdiff.data import Transform

NEEDED = {  # settings that have no default, because they come from a data set
    "fit_to_grid": {"size": (32, 48)},
    "tiles": {"size": (32, 32)},
    "normalise": {
        "lower": (-2.0,) * 3,
        "upper": (2.0,) * 3,
        "mean": (0.1,) * 3,
        "deviation": (0.9,) * 3,
    },
}
SHIPPED = {
    name: member
    for name, member in Transform.members.items()
    if member.__module__.startswith("medsegdiff.")
}
every_transform = pytest.mark.parametrize("name", sorted(SHIPPED))
SHAPE = (4, 3, 40, 52)


def made(name: str) -> Transform:
    return SHIPPED[name].model_validate({"name": name, **NEEDED.get(name, {})})


def study() -> tuple[Tensor, Tensor]:
    """Four images and their labels: an ellipse off the centre that is brighter than the rest."""
    rows, columns = torch.meshgrid(torch.arange(40.0), torch.arange(52.0), indexing="ij")
    labels = (((rows - 18) / 9) ** 2 + ((columns - 28) / 12) ** 2 < 1).long().expand(4, -1, -1)
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    return labels[:, None] + 0.1 * noise, labels.contiguous()


def generator(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_there_are_transforms() -> None:
    assert {"fit_to_grid", "normalise", "flip", "affine"} <= set(SHIPPED)


@every_transform
def test_what_is_drawn_decides_everything(name: str) -> None:
    transform, (image, _) = made(name), study()
    first = transform.apply(image, transform.draw(SHAPE, generator()))
    torch.manual_seed(99)
    assert torch.equal(first, transform.apply(image, transform.draw(SHAPE, generator())))


@every_transform
def test_image_and_labels_stay_on_one_grid(name: str) -> None:
    transform, (image, labels) = made(name), study()
    drawn = transform.draw(SHAPE, generator())
    changed, moved = transform.apply(image, drawn), transform.apply_to_labels(labels, drawn)
    assert changed.shape[:2] == image.shape[:2]
    assert changed.shape[2:] == moved.shape[1:]
    assert changed.dtype == torch.float32
    assert changed.isfinite().all()
    assert moved.dtype == torch.int64
    assert set(moved.unique().tolist()) <= {0, 1}


@every_transform
def test_what_is_given_is_not_changed(name: str) -> None:
    transform, (image, labels) = made(name), study()
    drawn = transform.draw(SHAPE, generator())
    transform.apply(image, drawn)
    transform.apply_to_labels(labels, drawn)
    assert torch.equal(image, study()[0])
    assert torch.equal(labels, study()[1])


@every_transform
@pytest.mark.parametrize("seed", range(5))
def test_undo_brings_the_mask_back(name: str, seed: int) -> None:
    transform, (_, labels) = made(name), study()
    drawn = transform.draw(SHAPE, generator(seed))
    moved = transform.apply_to_labels(labels, drawn)
    back = transform.undo(moved[:, None].float(), drawn)[:, 0] >= 0.5
    assert back.shape == labels.shape
    dice = 2 * (back & (labels == 1)).sum((1, 2)) / (back.sum((1, 2)) + labels.sum((1, 2)))
    assert dice.min() > 0.9


@every_transform
def test_settings_survive_json(name: str) -> None:
    transform = made(name)
    assert Transform.model_validate_json(transform.model_dump_json()) == transform
