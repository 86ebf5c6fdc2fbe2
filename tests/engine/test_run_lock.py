"""Two trainings never write one folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from medsegdiff.engine.run_lock import LOCK_FILE, held, is_held
from medsegdiff.errors import CheckpointError

HOLDING = """
import sys, time
from pathlib import Path
from medsegdiff.engine.run_lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_training_is_refused_until_the_first_dies(tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        assert is_held(tmp_path)
        with pytest.raises(CheckpointError, match="Another training is writing"), held(tmp_path):
            pass
        first.kill()
        first.wait()
    assert is_held(tmp_path) is False
    with held(tmp_path), pytest.raises(CheckpointError), held(tmp_path):
        pass


def test_looking_does_not_disturb_a_training_and_no_lock_is_no_answer(tmp_path: Path):
    assert is_held(tmp_path / "fold_0") is None
    with held(tmp_path / "fold_0"):
        assert is_held(tmp_path / "fold_0")
        assert is_held(tmp_path / "fold_0")
    (tmp_path / LOCK_FILE).touch()
    assert is_held(tmp_path) is False
    assert is_held(tmp_path) is False
