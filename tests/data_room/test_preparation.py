from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.data import Folder, Preparation
from medsegdiff.data.preparation import fitted_grid, voxel_digest
from medsegdiff.data.transforms.fit_to_grid import FitToGrid
from medsegdiff.data.transforms.normalise import Normalise
from medsegdiff.errors import DataError
from medsegdiff.types import Geometry, Sample


def test_prepared_training_images_have_mean_0_and_deviation_1(skin_data: Path) -> None:
    folder = Folder(root=skin_data)
    preparation = Preparation.fit(fitted_grid(folder, folder.ids(), 96), folder, folder.ids())
    images = torch.stack([preparation.prepare(folder.load(study)).image for study in folder.ids()])
    assert images.mean(dim=(0, 2, 3)).abs().max() < 0.02
    assert (images.std(dim=(0, 2, 3)) - 1).abs().max() < 0.05


def test_the_grid_has_the_images_shape(head_data: Path) -> None:
    folder = Folder(root=head_data)
    assert Preparation.fit(
        fitted_grid(folder, folder.ids(), 128), folder, folder.ids()
    ).grid.size == (112, 160)


def test_the_grid_is_not_larger_than_the_images(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder(shape=(40, 60))
    assert Preparation.fit(
        fitted_grid(folder, folder.ids(), 512), folder, folder.ids()
    ).grid.size == (48, 64)


def test_folds_share_a_grid_and_not_their_intensities(
    make_folder: Callable[..., Folder], save: Callable[..., Path]
) -> None:
    folder = make_folder("abc", shape=(40, 64))
    save("images/d.png", np.full((64, 40), 200, dtype=np.uint8))
    (folder.root / "images/e.png").write_text("a note")  # measured by nobody
    one, other = (
        Preparation.fit(fitted_grid(folder, "abcde", 32), folder, train)
        for train in (["a", "b"], ["d"])
    )
    assert one.grid == other.grid
    assert one.intensity != other.intensity


def test_only_the_given_studies_are_looked_at(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder("ab")
    (folder.root / "images/b.png").write_text("a note")
    assert Preparation.fit(fitted_grid(folder, ["a"], 16), folder, ["a"]).image_channels == 1
    with pytest.raises(DataError, match="no training study"):
        Preparation.fit(fitted_grid(folder, [], 16), folder, [])


@given(st.integers(8, 70), st.integers(8, 70), st.integers(1, 3))
def test_probabilities_return_to_the_native_grid(height: int, width: int, channels: int) -> None:
    preparation = Preparation(grid=FitToGrid(size=(32, 48)), intensity=Normalise())
    image = torch.full((1, height, width), 127.5)
    prepared = preparation.prepare(Sample("a", image, Geometry((height, width))))
    assert prepared.image.shape == (1, 32, 48)
    assert prepared.undo(torch.rand(channels, 32, 48)).shape == (channels, height, width)


def test_masks_and_raters_are_prepared_alike(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder("a")
    mask = (folder.root / "masks/a.png").read_bytes()
    (folder.root / "raters/r1").mkdir(parents=True)
    (folder.root / "raters/r1/a.png").write_bytes(mask)
    fresh = Folder(root=folder.root)
    prepared = Preparation.fit(fitted_grid(fresh, ["a"], 16), fresh, ["a"]).prepare(fresh.load("a"))
    assert prepared.labels is not None
    assert prepared.labels.equal(prepared.raters["r1"])
    assert prepared.size_bytes == 4 * prepared.image.numel() + 2 * 8 * prepared.labels.numel()


def test_another_number_of_channels_is_refused(skin_data: Path, head_data: Path) -> None:
    skin, head = Folder(root=skin_data), Folder(root=head_data)
    preparation = Preparation.fit(fitted_grid(skin, skin.ids()[:2], 64), skin, skin.ids()[:2])
    with pytest.raises(DataError, match=r"1 image channel\(s\), but 3"):
        preparation.prepare(head.load(head.ids()[0]))


def test_the_digest_depends_on_intensities_and_shape_alone() -> None:
    values = torch.arange(24.0)
    digest = voxel_digest(values.reshape(1, 4, 6))
    assert len(digest) == 16
    assert digest == voxel_digest(values.reshape(1, 6, 4).clone().reshape(1, 4, 6))
    assert digest != voxel_digest(values.reshape(1, 6, 4))
    assert digest != voxel_digest((values + 1).reshape(1, 4, 6))


def test_the_digest_is_the_same_on_every_machine() -> None:
    image = torch.from_numpy(np.arange(6, dtype=np.float32).reshape(1, 2, 3))
    assert voxel_digest(image).hex() == "60fe79ef2545cbb49f34fb4c8a969c78"


def test_settings_survive_a_json_file(skin_data: Path) -> None:
    folder = Folder(root=skin_data)
    preparation = Preparation.fit(
        fitted_grid(folder, folder.ids()[:3], 64), folder, folder.ids()[:3]
    )
    assert Preparation.model_validate_json(preparation.model_dump_json()) == preparation
