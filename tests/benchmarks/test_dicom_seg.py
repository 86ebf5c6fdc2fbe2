"""Both ways of reading a DICOM SEG lay it where it is, and see where it is not."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from dicom_seg import by_frames, by_highdicom
from dicom_series import write_series

from medsegdiff.data.formats.dicom_seg import write_segmentation

AFFINE = np.diag([1.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize("read", [by_highdicom, by_frames])
def test_a_segmentation_is_laid_on_its_mask(tmp_path: Path, read):
    drawn = np.random.default_rng(0).choice([0, 1, 2], (7, 6, 5))  # to the right, front and top
    scan = nibabel.Nifti1Image(drawn.astype(np.int16), AFFINE)
    nibabel.save(scan, tmp_path / "scan.nii.gz")
    series = write_series(tmp_path / "series", tmp_path / "scan.nii.gz")
    labels = drawn.T.astype(int)  # slices, rows, columns
    path = tmp_path / "seg.dcm"
    write_segmentation(path, labels, {1: "a", 2: "b"}, None, series)
    assert np.array_equal(read(path, scan), drawn)
    moved = nibabel.Nifti1Image(drawn.astype(np.int16), AFFINE + np.eye(4, k=3) * 0.4)
    with pytest.raises(AssertionError, match="between the voxels"):
        read(path, moved)
