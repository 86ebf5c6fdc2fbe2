"""A small grid: two arms of a few steps, and one whose settings nobody knows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from ablation.plan import Grid, read_grid

SMALL = "{name: medsegdiff, widths: [8, 8, 16], blocks: [0, 1, 1], denoiser_widths: [8]}"
TINY = {
    "name": "tiny",
    "page": "docs/tiny.md",
    "minutes": 0.01,
    "seeds": [0, 1],
    "data": {"skin_isic2017": ["train.side=32"]},
    "common": [
        "train.batch_size=2",
        "train.validations=1",
        "train.validation_studies=1",
        "predict={sampler: {name: ddim, steps: 1}, members: 1}",
    ],
    "arms": {
        "default": {"settings": [f"model.network={SMALL}"]},
        "unet": {"settings": ["model.network={name: unet, widths: [8, 8], blocks: [0, 1]}"]},
        "future": {"settings": ["model.network.telepathy=true"]},
    },
    "tables": {
        "a": {"title": "A", "arms": ["default", "unet", "future"], "reference": "unet"},
        "b": {"title": "B", "arms": ["default", "unet"], "reference": "unet"},
        "f": {
            "title": "F",
            "arms": ["default"],
            "reference": "1 x 2",
            "steps": [1],
            "members": [1, 2],
        },
    },
}
STEPS = {"arms": {"skin_isic2017": {arm: {"steps": 3} for arm in ("default", "unet")}}}


@pytest.fixture(autouse=True)
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grid puts its plug-in on Python's path; other tests do not see it there."""
    monkeypatch.setattr(sys, "path", [*sys.path])


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    """The grid as a file, with its file of steps."""
    path = tmp_path / "benchmarks" / "tiny.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(TINY))
    (path.parent / "tiny_steps.yaml").write_text(yaml.safe_dump(STEPS))
    return path


@pytest.fixture
def tiny(tiny_file: Path) -> Grid:
    """The grid as it is read."""
    return read_grid(tiny_file)
