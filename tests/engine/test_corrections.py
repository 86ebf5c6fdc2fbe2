"""Corrections of volumes and of several channels become a data set that reads back."""

from __future__ import annotations

import json
from dataclasses import replace

import nibabel
import numpy as np
import pytest

from medsegdiff.engine.corrections import ANY, Correction, keep_correction
from medsegdiff.engine.opening import look_through, open_data
from medsegdiff.errors import AlreadyKept, DataError, GridMismatch

AFFINE = np.diag([1.0, 1.5, 2.0, 1.0])
LABELS = {"names": ["background", "head", "tail"], "values": [0, 5, 9]}


def write_volume(path, values, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return path


@pytest.fixture
def correct(tmp_path):
    """A correction of a volume with so many channels, each a file."""

    def made(channels=1, study="knee", seed=0, affine=AFFINE, highest=3):
        random, shape = np.random.default_rng(seed), (20, 24, 12)
        folder = tmp_path / f"job_{len(list(tmp_path.iterdir()))}"
        names = [f"{study}_{one:04d}" for one in range(channels)] if channels > 1 else [study]
        for name in names:
            scan = random.normal(size=shape).astype("float32")
            write_volume(folder / "upload" / f"{name}.nii.gz", scan)
        drawn = np.zeros(shape, "uint8")
        mask = drawn.copy()
        mask[4:12, 4:12, 3:9] = np.arange(6) % highest
        head = {"model": "m", "weights_hash": "1", "version": "0", "labels": LABELS}
        studies = {study: {"input_hash": f"{study}{seed}"}}
        (folder / "out").mkdir()
        (folder / "out/run_report.json").write_text(json.dumps({**head, "studies": studies}))
        return Correction(
            mask=write_volume(folder / "mask.nii.gz", mask, affine),
            drawn=write_volume(folder / "drawn.nii.gz", drawn),
            images=folder / "upload" if channels > 1 else folder / f"upload/{study}.nii.gz",
            out=folder / "out",
            channel_names=tuple(f"c{one}" for one in range(channels)),
            settings={"seed": 3},
            author="A. Nurse",
        )

    return made


@pytest.mark.parametrize("channels", [1, 2])
def test_a_volume_is_kept_in_the_users_values_on_its_own_grid(tmp_path, correct, channels):
    root = tmp_path / "kept"
    correction = correct(channels)
    kept = keep_correction(correction, root)
    mask = nibabel.load(root / "masks/knee.nii.gz")
    np.testing.assert_array_equal(mask.affine, AFFINE)
    truth = np.array(LABELS["values"])[np.asarray(nibabel.load(correction.mask).dataobj)]
    np.testing.assert_array_equal(np.asarray(mask.dataobj), truth)
    assert kept.changed_voxels == (truth > 0).sum()
    assert look_through(root).unreadable == {}
    assert len(open_data(root).load("knee").image) == channels


def test_another_image_of_the_same_name_gets_a_number(tmp_path, correct):
    names = [keep_correction(correct(seed=seed), tmp_path / "kept").study for seed in (0, 1)]
    assert names == ["knee", "knee-2"]
    assert keep_correction(correct(study="knee2"), tmp_path / "kept").study == "knee2"


def test_what_others_have_kept_is_replaced_only_when_asked_and_never_lost(tmp_path, correct):
    root, time = tmp_path / "kept", ""
    for number, highest in enumerate((3, 2, 3)):
        again = correct(highest=highest)
        if time:
            with pytest.raises(AlreadyKept, match=r"A\. Nurse has kept a correction of this image"):
                keep_correction(again, root)
        replaces = ANY if number == 1 else time  # by its own time the third replaces the second
        time = keep_correction(replace(again, replaces=replaces), root).time
    record = json.loads((root / "corrections/knee.json").read_text())
    earlier = [root / "corrections" / one["mask"] for one in record["earlier"]]
    masks = [*earlier, root / "masks/knee.nii.gz"]
    assert [nibabel.load(path).get_fdata().max() for path in masks] == [9, 5, 9]
    assert look_through(root).unreadable == {}
    assert tuple(open_data(root).ids()) == ("knee",)


def test_a_correction_that_fails_leaves_what_was_kept(tmp_path, correct):
    root = tmp_path / "kept"
    kept = keep_correction(correct(), root)
    before = (root / "masks/knee.nii.gz").read_bytes()
    (root / "images/knee.nii.gz").write_bytes(b"damaged")
    with pytest.raises(DataError):
        keep_correction(replace(correct(highest=2), replaces=kept.time), root)
    assert (root / "masks/knee.nii.gz").read_bytes() == before


def test_a_mask_on_another_grid_is_refused(tmp_path, correct):
    with pytest.raises(GridMismatch, match="not on the image's grid"):
        keep_correction(correct(affine=np.eye(4)), tmp_path / "kept")


def test_a_number_of_no_class_is_refused(tmp_path, correct):
    with pytest.raises(DataError, match=r"numbered 0 to 2[.] Send these"):
        keep_correction(correct(highest=5), tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_corrections_of_two_models_do_not_mix(tmp_path, correct):
    keep_correction(correct(), tmp_path / "kept")
    with pytest.raises(DataError, match="other labels or channels"):
        keep_correction(correct(2, study="hip"), tmp_path / "kept")
