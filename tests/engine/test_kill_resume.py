"""Kill -9 at random moments: a sample of what `benchmarks/kill_resume.py` does at length."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kill_resume.py"


def test_killed_trainings_resume_bit_by_bit():
    command = [sys.executable, str(SCRIPT), "--times", "3", "--steps", "12"]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert "3 of 3 resumed bit by bit" in result.stdout, result.stderr
    assert result.returncode == 0
