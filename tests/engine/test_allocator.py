"""Memory that is freed stays: the next step finds its pages where they were."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
from pathlib import Path
from statistics import median
from medsegdiff.data import Folder
from medsegdiff.engine.run_setup import set_up
from medsegdiff.engine.settings import read_run_config

config = read_run_config(None, ["train.side=128", "train.batch_size=4"])
setup = set_up(Folder(root=Path(sys.argv[1])), Path(sys.argv[2]), config, 0, None, "cpu")
faults = []
for number in range(9):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    setup.trainer.step(number, 1000)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(median(faults[4:]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_a_step_of_training_finds_the_pages_of_the_one_before(skin_data, tmp_path):
    command = [sys.executable, "-c", FAULTS, str(skin_data), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 3000  # of some 24000
