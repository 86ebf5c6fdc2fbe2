"""What all layouts share, on small volumes in plain folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from layout_trees import SERIES, nnunet, volume
from official_trees import VOLUME, ct_series, nifti, noise, tumour
from PIL import Image

from medsegdiff.data import Folder
from medsegdiff.data.datasets.nnunet import NNUNet
from medsegdiff.errors import DataError, GridMismatch, ResourceError


def moved(path: Path, millimetres: float) -> Path:
    """Write a volume whose origin lies elsewhere."""
    import nibabel

    affine = np.diag([-1.0, -1.0, 2.0, 1.0])
    affine[0, 3] = millimetres
    nibabel.save(nibabel.Nifti1Image(noise(1, VOLUME).T.astype(np.int16), affine), path)
    return path


def test_volumes_in_plain_folders_are_read_on_their_grid(tmp_path: Path) -> None:
    volume(tmp_path / "images/a.nii.gz", 0, tmp_path / "masks/a.nii.gz")
    sample = Folder(root=tmp_path).load("a")
    assert sample.image.shape == (1, *VOLUME)
    assert sample.geometry.spacing_mm == (2.0, 1.0, 1.0)
    assert sample.labels is not None
    assert sample.labels.equal(torch.from_numpy(tumour(3)).long())


def test_channels_off_the_grid_are_named_in_millimetres(tmp_path: Path) -> None:
    nnunet(tmp_path)
    moved(tmp_path / "imagesTr/b_0001.nii.gz", 3.5)
    with pytest.raises(GridMismatch, match=r"b_0000.*b_0001.*3\.5 mm"):
        NNUNet(root=tmp_path).load("b")


def test_a_mask_off_the_grid_is_named_in_millimetres(tmp_path: Path) -> None:
    volume(tmp_path / "images/a.nii.gz", 0, tmp_path / "masks/a.nii.gz")
    moved(tmp_path / "images/a.nii.gz", 3.5)
    with pytest.raises(GridMismatch, match=r"masks.a\.nii\.gz is not on the grid.*3\.5 mm"):
        Folder(root=tmp_path).load("a")


def test_the_budget_holds_for_all_channels_together(tmp_path: Path) -> None:
    nnunet(tmp_path)
    needed = 2 * 4 * int(np.prod(VOLUME))
    assert len(NNUNet(root=tmp_path, budget_bytes=needed).load("a").image) == 2
    with pytest.raises(ResourceError):
        NNUNet(root=tmp_path, budget_bytes=needed - 8).load("a")


def test_a_series_in_a_folder_is_one_image(tmp_path: Path) -> None:
    ct_series(tmp_path / "images/p1", SERIES)
    dataset = Folder(root=tmp_path)
    assert dataset.load("p1").image.shape == (1, 4, 16, 20)
    assert len(dataset.files("p1")) == 4


def test_numbered_files_are_channels_where_as_many_are_declared(tmp_path: Path) -> None:
    for name in ("a_0000", "a_0001"):
        volume(tmp_path / f"images/{name}.nii.gz", 0, tmp_path / "masks/a.nii.gz")
    assert Folder(root=tmp_path).ids() == ["a_0000", "a_0001"]
    (tmp_path / "dataset.json").write_text(json.dumps({"channel_names": ["T1", "T2"]}))
    assert len(Folder(root=tmp_path).load("a").image) == 2


def test_raters_alone_agree_on_the_truth(tmp_path: Path) -> None:
    volume(tmp_path / "images/a.nii.gz", 0)
    for rater, drawn in enumerate((tumour(3) > 0, tumour(3) > 0, tumour(3) > 1)):
        nifti(tmp_path / f"raters/r{rater}/a.nii.gz", drawn.astype(np.int16))
    sample = Folder(root=tmp_path).load("a")
    assert sample.labels is not None
    assert sample.labels.equal(sample.raters["r0"])
    assert len(sample.raters) == 3


def test_studies_of_other_channels_are_told_and_refused(tmp_path: Path) -> None:
    nnunet(tmp_path)
    about = json.loads((tmp_path / "dataset.json").read_text())
    (tmp_path / "dataset.json").write_text(json.dumps({**about, "channel_names": {"0": "FLAIR"}}))
    with pytest.raises(
        DataError, match=r"2 channels, each in a file .*a_0001\.nii\.gz\), but 1 \(FLAIR\)"
    ):
        NNUNet(root=tmp_path).load("a")


def test_a_volume_for_a_model_of_pictures_is_told_as_one(tmp_path: Path) -> None:
    nifti(tmp_path / "brain.nii.gz", noise(0, VOLUME))
    with pytest.raises(DataError, match=r"volume of 1 channel, but the model sees 3.*on volumes"):
        Folder.of_images(tmp_path, 3).load("brain")


def test_a_fourth_axis_is_told_with_the_way_out(tmp_path: Path) -> None:
    frames = np.stack([noise(k, VOLUME) for k in range(3)])
    nifti(tmp_path / "cine.nii.gz", frames)
    with pytest.raises(DataError, match=r"3 channels, but 1.*cine_0000\.nii\.gz.*point in time"):
        Folder.of_images(tmp_path, 1).load("cine")


def test_advice_speaks_of_dataset_json_only_where_there_is_one(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16, 3), "uint8")).save(
        tmp_path / "a.png"
    )
    with pytest.raises(DataError, match=r"Choose a model [^,]*bundled\), or convert the image[.]$"):
        Folder.of_images(tmp_path, 1).load("a")
