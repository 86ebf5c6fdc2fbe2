"""Small data sets made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsegdiff.data import Folder


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write an array as an image file below the test's folder."""

    def write(name: str, values: np.ndarray, **options: object) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(path, **options)
        return path

    return write


@pytest.fixture
def make_folder(tmp_path: Path, save: Callable[..., Path]) -> Callable[..., Folder]:
    """Make a data set of grey images with a bright square, which the mask outlines."""

    def make(
        names: str | list[str] = "abcd",
        value: int = 255,
        shape: tuple[int, int] = (24, 32),
        **declared: object,
    ) -> Folder:
        for seed, name in enumerate(names):
            image = np.random.default_rng(seed).integers(0, 100, shape, dtype=np.uint8)
            mask = np.zeros(shape, dtype=np.uint8)
            mask[6:18, 8:20] = value
            save(f"images/{name}.png", image + mask // 2)
            save(f"masks/{name}.png", mask)
        if declared:
            (tmp_path / "dataset.json").write_text(json.dumps(declared))
        return Folder(root=tmp_path)

    return make
