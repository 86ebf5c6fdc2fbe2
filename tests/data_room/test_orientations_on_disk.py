"""An asymmetric shape stored in all 48 orientations: read where it lies, masks on the same voxels.

The network sees it in one orientation, and what it finds comes back.
nibabel and SimpleITK, which turn the shape and read our masks, are the judges.
"""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff
from orientations import EVERY_ORIENTATION
from scipy.spatial.transform import Rotation

from medsegdiff.data import LabelMap, write_labels
from medsegdiff.data.orientation import Reorientation, orientation_of
from medsegdiff.data.reader import read_image, read_mask
from medsegdiff.data.transforms.tiles import Tiles
from medsegdiff.metrics.dice import Dice

LABELS = LabelMap(names=("background", "bone", "marrow"), values=(0, 3, 7))
SPACING = np.array([0.8, 1.25, 2.5])  # mm along right, anterior, superior
PLACE = [(40, 56), (76, 108), (123, 124), (252, 256), (256, 328)]  # dim, pixdim, units, forms
WAYS = [(".nrrd", ".nrrd"), (".mha", ".mha"), (".mha", ".nrrd"), (".nii", ".mha"), (".mha", ".nii")]
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def shape() -> np.ndarray:
    """Classes in RAS (x, y, z): no turn or mirroring leaves it as it is."""
    values = np.zeros((15, 12, 9), dtype=np.int16)
    values[2:12, 2:4, 1:3] = 1
    values[2:4, 2:10, 1:3] = 1
    values[10:13, 2:5, 1:8] = 2
    values[4, 9, 2] = 2
    return values


def oblique(seed: int) -> np.ndarray:
    """An affine of RAS axes that are turned a little, (4, 4)."""
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", np.random.default_rng(seed).uniform(-12, 12, 3), degrees=True)
    affine[:3, :3] = turn.as_matrix() * SPACING
    affine[:3, 3] = [-31.7, 12.25, 105.5]
    return affine


def stored(letters: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Intensities (x, y, z) and their affine when the axes x, y, z run like the letters."""
    turn = nib.orientations.ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(letters))
    values = shape()
    affine = oblique(seed) @ inv_ornt_aff(turn, values.shape)
    return np.ascontiguousarray(apply_orientation(values * 100 - 50, turn)), affine


def save(path: Path, letters: str, seed: int = 0) -> Path:
    """Write the shape with nibabel or, in other formats, with SimpleITK."""
    values, affine = stored(letters, seed)
    if ".nii" in path.name:
        nib.Nifti1Image(values, affine).to_filename(path)
        return path
    lps = LPS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = sitk.GetImageFromArray(values.T)
    image.SetDirection((lps[:3, :3] / spacing).ravel())
    image.SetSpacing(spacing)
    image.SetOrigin(lps[:3, 3])
    sitk.WriteImage(image, str(path))
    return path


def segmented(path: Path) -> torch.Tensor:
    """Classes that a perfect method finds: the intensities say them."""
    return ((read_image(path).image[0] + 50) / 100).long()


def test_no_turn_leaves_the_shape_as_it_is():
    turned = {stored(letters, 0)[0].tobytes() for letters in EVERY_ORIENTATION}
    assert len(turned) == 48


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("letters", EVERY_ORIENTATION)
def test_every_orientation_is_read_for_what_it_is(tmp_path: Path, letters: str, ending: str):
    path = save(tmp_path / f"a{ending}", letters)
    affine = read_image(path).geometry.affine
    assert affine is not None
    assert orientation_of(affine) == letters[::-1]  # D, H, W are z, y, x
    upright = Reorientation.between(letters[::-1], "SAR").apply(segmented(path))
    np.testing.assert_array_equal(upright.numpy().T, shape())
    np.testing.assert_allclose(affine[:, [2, 1, 0, 3]], stored(letters, 0)[1], rtol=0, atol=1e-4)


@pytest.mark.parametrize("letters", EVERY_ORIENTATION)
def test_the_network_sees_one_orientation_and_its_mask_comes_back(tmp_path: Path, letters: str):
    path, mask = save(tmp_path / "a.nii", letters), tmp_path / "mask.nii.gz"
    image = read_image(path)
    placed = Tiles(size=(4, 4, 4)).placed(image.geometry)
    upright = torch.from_numpy(shape().T[:, ::-1, ::-1].copy()).long()  # SPL, as the network's
    seen = placed.labels(segmented(path))
    assert torch.equal(seen, upright)
    assert torch.equal(placed.resize(image.image)[0], upright * 100.0 - 50)
    write_labels(mask, placed.undo_labels(seen, 3), LABELS, path)
    found = np.asarray(nib.as_closest_canonical(nib.load(mask)).dataobj)
    np.testing.assert_array_equal(LABELS.encode(found), shape())


@pytest.mark.parametrize("letters", EVERY_ORIENTATION)
def test_masks_lie_on_the_shape_with_the_header_of_the_image(tmp_path: Path, letters: str):
    image, mask = save(tmp_path / "a.nii", letters, seed=1), tmp_path / "mask.nii.gz"
    write_labels(mask, segmented(image), LABELS, image)
    found = nib.load(mask)
    for start, stop in PLACE:
        given, copied = (nib.load(path).header.binaryblock for path in (image, mask))
        assert copied[start:stop] == given[start:stop]
    upright = np.asarray(nib.as_closest_canonical(found).dataobj)
    prediction = LABELS.encode(upright)
    dice = Dice(classes=3)(prediction, torch.from_numpy(shape()).long(), tuple(SPACING.tolist()))
    assert dice.tolist() == [1.0, 1.0]
    assert np.array_equal(found.affine, nib.load(image).affine)


@pytest.mark.parametrize(
    ("letters", "endings"), list(zip(EVERY_ORIENTATION, cycle(WAYS), strict=False))
)
def test_simpleitk_finds_masks_on_the_voxels_of_the_image(
    tmp_path: Path, letters: str, endings: tuple[str, str]
):
    image, mask = save(tmp_path / f"a{endings[0]}", letters, seed=2), tmp_path / f"m{endings[1]}"
    write_labels(mask, segmented(image), LABELS, image)
    source, found = (sitk.ReadImage(str(path)) for path in (image, mask))
    assert found.GetSize() == source.GetSize()
    within = 1e-5 if ".nii" in endings else 1e-9  # mm; NIfTI stores float32
    for mine, theirs in zip(place(found), place(source), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=within)
    truth = np.array([0, 3, 7])[(sitk.GetArrayFromImage(source) + 50) // 100]
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), truth)
    np.testing.assert_array_equal(read_mask(mask).values, truth)


def place(image: sitk.Image) -> tuple[tuple[float, ...], ...]:
    return image.GetDirection(), image.GetSpacing(), image.GetOrigin()
