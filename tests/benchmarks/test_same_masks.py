"""Two runs are compared value by value, and nothing is overlooked."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from same_masks import differences


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    for run in ("before", "now"):
        folder = tmp_path / run
        folder.mkdir()
        Image.fromarray(np.full((4, 5), 1000, np.uint16)).save(folder / "a.png")
        nib.nifti1.save(nib.Nifti1Image(np.zeros((2, 3, 4)), np.eye(4)), folder / "b.nii.gz")
    return tmp_path / "before", tmp_path / "now"


def test_the_same_values_differ_nowhere(runs: tuple[Path, Path]):
    assert differences(*runs, "*") == {"files": 2, "values": 44, "different": 0, "largest": 0.0}


def test_one_step_of_one_pixel_is_found(runs: tuple[Path, Path]):
    pixels = np.full((4, 5), 1000, np.uint16)
    pixels[1, 2] += 1
    Image.fromarray(pixels).save(runs[1] / "a.png")
    found = differences(*runs, "*")
    assert found["different"] == 1
    assert found["largest"] == pytest.approx(1 / 65535)


@pytest.mark.parametrize("pattern", ["*", "members/*"])
def test_missing_files_are_an_error(runs: tuple[Path, Path], pattern: str):
    (runs[1] / "b.nii.gz").unlink()
    with pytest.raises(ValueError, match="should hold the same files"):
        differences(*runs, pattern)
