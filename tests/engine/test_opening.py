"""Opening data sets: they are looked through on the grid that a training would take."""

from __future__ import annotations

import numpy as np
from PIL import Image

from medsegdiff.engine.data_plan import default_side
from medsegdiff.engine.opening import look_through
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
