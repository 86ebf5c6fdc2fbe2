"""Opening data sets: they are looked through on the grid that a training would take."""

from __future__ import annotations

import numpy as np
from layout_trees import bids, nnunet, nnunet_images
from official_trees import square_mask
from PIL import Image

from medsegdiff.engine.data_plan import default_side
from medsegdiff.engine.opening import look_through, open_images
from medsegdiff.engine.precision import chosen_device


def test_thin_structures_are_judged_on_the_grid_that_train_would_take(tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        band = np.zeros((512, 512), dtype=np.uint8)
        band[100:104] = 255
        Image.fromarray(band).save(tmp_path / folder / "a.png")
    (thin,) = look_through(tmp_path).thin
    assert f"on a grid of side {default_side(chosen_device())}," in thin
    (wider,) = look_through(tmp_path, 320).thin
    assert "on a grid of side 320," in wider


def test_images_to_predict_are_opened_in_any_layout(tmp_path, model):
    for layout, fill in (("nnunet", nnunet), ("nnunet_images", nnunet_images), ("bids", bids)):
        fill(tmp_path / layout)
        opened = open_images(tmp_path / layout, model)
        assert opened.model_dump()["name"] == layout
        assert opened.annotated_ids() == []
        assert opened.channels == 3


def test_numbered_pictures_are_the_channels_of_a_model_with_as_many(tmp_path, model):
    for name in ("a_0000", "a_0001", "a_0002"):
        square_mask(tmp_path / f"{name}.png")
    opened = open_images(tmp_path, model)
    assert opened.ids() == ["a"]
    assert opened.load("a").image.shape[0] == 3
    assert open_images(tmp_path / "a_0000.png", model).ids() == ["a"]
    (tmp_path / "a_0002.png").unlink()
    assert open_images(tmp_path, model).ids() == ["a_0000", "a_0001"]
