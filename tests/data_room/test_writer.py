from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from medsegdiff.data import LabelMap, write_labels, write_map
from medsegdiff.data.reader import read_image, read_mask
from medsegdiff.errors import DataError

LABELS = torch.arange(20 * 30).reshape(20, 30) % 3


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("values", [(0, 1, 2), (0, 128, 255), (0, 300, 65535)])
def test_masks_read_back_in_the_users_values(
    tmp_path: Path, ending: str, values: tuple[int, ...]
) -> None:
    label_map = LabelMap(names=("a", "b", "c"), values=values)
    write_labels(tmp_path / f"a.{ending}", LABELS, label_map)
    raw = read_mask(tmp_path / f"a.{ending}").values
    assert np.array_equal(raw, np.asarray(values)[LABELS.numpy()])


def test_colours_read_back(tmp_path: Path) -> None:
    label_map = LabelMap(names=("a", "b", "c"), colours=((0, 0, 0), (9, 8, 7), (255, 0, 1)))
    write_labels(tmp_path / "a.png", LABELS, label_map)
    assert label_map.encode(read_mask(tmp_path / "a.png").values).equal(LABELS)


def test_values_that_fit_no_png_go_into_a_tif(tmp_path: Path) -> None:
    label_map = LabelMap(names=("a", "b", "c"), values=(-1, 0, 70_000))
    with pytest.raises(DataError, match=r"\.tif"):
        write_labels(tmp_path / "a.png", LABELS, label_map)
    write_labels(tmp_path / "a.tif", LABELS, label_map)
    assert label_map.encode(read_mask(tmp_path / "a.tif").values).equal(LABELS)


def test_maps_read_back_to_a_65535th(tmp_path: Path) -> None:
    values = torch.rand(20, 30)
    write_map(tmp_path / "a.png", values)
    assert (read_image(tmp_path / "a.png").image[0] / 65535 - values).abs().max() < 1e-5
    write_map(tmp_path / "a.tif", values)
    assert np.array_equal(tifffile.imread(tmp_path / "a.tif"), values.numpy())


@pytest.mark.parametrize("wrong", [1.5, -0.1, float("nan")])
def test_maps_outside_0_to_1_are_refused(tmp_path: Path, wrong: float) -> None:
    with pytest.raises(DataError, match="outside"):
        write_map(tmp_path / "a.png", torch.full((4, 4), wrong))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["nii", "nii.gz", "nrrd", "mha"])
def test_volumes_hold_masks_and_maps_as_they_are(tmp_path: Path, ending: str) -> None:
    label_map = LabelMap(names=("a", "b", "c"), values=(0, 300, -70_000))
    labels, values = LABELS.reshape(5, 4, 30), torch.rand(5, 4, 30)
    write_labels(tmp_path / f"a.{ending}", labels, label_map)
    assert label_map.encode(read_mask(tmp_path / f"a.{ending}").values).equal(labels)
    write_map(tmp_path / f"b.{ending}", values, source=tmp_path / f"a.{ending}")
    assert read_image(tmp_path / f"b.{ending}").image[0].equal(values)


def test_an_ending_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.nii\.gz"):
        write_map(tmp_path / "a.xyz", torch.rand(4, 4))
