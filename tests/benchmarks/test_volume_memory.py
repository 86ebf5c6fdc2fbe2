"""The memory that a prediction takes grows with the volume, and by how much is bounded."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "volume_memory.py"
SMALL = ["--shape", "64", "192", "192", "--window", "8", "96", "96", "--overlap", "0"]
MOST = 50  # bytes a voxel with its image: 512 x 512 x 400 in 6 GB, and some left for the network


def bytes_a_voxel() -> float:
    result = subprocess.run(
        [sys.executable, str(SCRIPT), *SMALL],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    found = re.search(r"([\d.]+) bytes a voxel", result.stdout)
    assert found, result.stderr
    return float(found[1])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's peak is read from /proc")
def test_a_volume_is_predicted_in_fifty_bytes_a_voxel():
    measured = [bytes_a_voxel() for _ in range(6)]  # on a small volume, pools add up to 80 MB
    assert min(measured) <= MOST
