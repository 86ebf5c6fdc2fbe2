"""The memory of a command is that of all its processes, and the synthetic scan is what it says."""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from command_memory import watched
from whole_volume import written

CHILD = "import time; held = bytearray(200_000_000); time.sleep(1.5)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_the_memory_of_a_command_is_that_of_its_children_too() -> None:
    seconds, most = watched([sys.executable, "-c", PARENT])
    assert seconds > 1.5
    assert 200e6 < most < 300e6


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(SystemExit, match="ended with 3"):
        watched([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_scan_has_the_voxels_that_were_asked_for(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image.from_filename(written(tmp_path / "a.nii.gz", (20, 33, 40), 0.5))
    assert image.shape == (40, 33, 20)
    assert image.header.get_zooms() == (0.5, 0.5, 0.5)
    values = np.asarray(image.dataobj)
    assert values.dtype == np.int16
    assert (values[:, :, 16:].std() > 40, values.min() > -1500) == (True, True)
