"""Whether a file lies on the grid of its image is told field by field."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from brats_regions import REGIONS, on_the_grid, same_grid
from redeclared import redeclared

SHEARED = np.array([[-0.7, 0.1, 0, 12], [0, 0.6, 0.4, -3], [0.1, 0, 2.5, 40], [0, 0, 0, 1]])


def volume(path: Path, shape=(4, 5, 6), affine=SHEARED, code: int = 1, unit="mm") -> Path:
    image = nibabel.Nifti1Image(np.zeros(shape, np.uint8), affine)
    image.set_sform(affine, code)
    image.header.set_xyzt_units(unit)
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ({}, True),
        ({"shape": (4, 5, 7)}, False),
        ({"affine": SHEARED + np.eye(4, k=3) * 1e-4}, False),
        ({"code": 2}, False),
        ({"unit": "micron"}, False),
    ],
)
def test_a_grid_is_the_same_in_every_field(tmp_path: Path, other, is_same: bool):
    mine, yours = volume(tmp_path / "a.nii.gz"), volume(tmp_path / "b.nii.gz", **other)
    assert same_grid(mine, yours) is is_same


def test_what_lies_elsewhere_in_out_is_named(tmp_path: Path):
    volume(tmp_path / "in/x_0000.nii.gz")
    volume(tmp_path / "out/x.nii.gz")
    volume(tmp_path / "out/uncertainty/x.nii.gz", shape=(4, 5, 7))
    found = on_the_grid(tmp_path / "out", tmp_path / "in")
    assert found == {"files": 2, "elsewhere": [str(Path("uncertainty/x.nii.gz"))]}


def test_a_data_set_is_the_same_but_for_its_regions(tmp_path: Path):
    volume(tmp_path / "raw/imagesTr/x_0000.nii.gz")
    (tmp_path / "raw/dataset.json").write_text('{"labels": {"a": 1}, "file_ending": ".nii.gz"}')
    made = redeclared(tmp_path / "raw", tmp_path / "made", REGIONS)
    declared = json.loads((made / "dataset.json").read_text())
    assert (declared["labels"]["whole_tumour"], declared["file_ending"]) == (
        [1, 2, 3, 4],
        ".nii.gz",
    )
    assert (made / "imagesTr/x_0000.nii.gz").is_file()
