"""What memory of a prediction may grow with, and to what."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "curves.py"


def point(**where: int) -> dict[str, float]:
    """Memory of predictions in a process of their own."""
    words = [f"--{name}={value}" for name, value in where.items()]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--point", "--repeats=1", *words],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_twenty_five_members_at_512_fit_in_two_gigabytes():
    assert point(side=512, members=25, steps=3)["process_mib"] < 2048


@pytest.mark.slow
def test_steps_need_no_memory_of_their_own():
    few, many = (point(side=128, members=8, steps=steps)["mib"] for steps in (3, 60))
    assert many < few + 16
