"""Two processes give the losses of one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import distributed

from medsegdiff.engine.distributed import Team
from medsegdiff.errors import ConfigError

SCRIPT = """
import sys
from pathlib import Path
import torch
from medsegdiff.data import Folder
from medsegdiff.engine.config import RunConfig
from medsegdiff.engine.train import train

torch.set_num_threads(1)
data, run, settings = map(Path, sys.argv[1:])
train(Folder(root=data), run, RunConfig.model_validate_json(settings.read_text()), device="cpu")
assert not torch.distributed.is_initialized(), "left behind: gloo's threads abort the process"
"""


@pytest.mark.skipif(sys.platform == "win32", reason="torchrun does not work on Windows")
def test_two_processes_give_the_losses_of_one(skin_data, tiny, tmp_path, losses, finished_run):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "settings.json").write_text(tiny().model_dump_json())
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    paths = [tmp_path / "script.py", skin_data, tmp_path / "run", tmp_path / "settings.json"]
    result = subprocess.run(
        [sys.executable, *launch, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert losses(tmp_path / "run") == pytest.approx(losses(finished_run), abs=1e-5)


@pytest.fixture
def team() -> Team:
    """The second of three; nothing is sent."""
    team = Team(torch.device("cpu"))
    team.size, team.rank = 3, 1
    return team


def test_a_batch_is_divided_evenly(team):
    assert team.rows(6) == slice(2, 4)
    assert not team.is_first
    with pytest.raises(ConfigError, match=r"batch_size=8 cannot .* among 3 .* multiple of 3"):
        team.rows(8)


@pytest.mark.parametrize("is_begun_before", [False, True])
def test_a_team_ends_only_what_it_began(monkeypatch, is_begun_before):
    called = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(distributed, "is_initialized", lambda: is_begun_before)
    monkeypatch.setattr(distributed, "init_process_group", lambda backend: called.append(backend))
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: called.append("end"))
    Team(torch.device("cpu")).leave()
    assert called == ([] if is_begun_before else ["gloo", "end"])


def test_one_process_is_a_team_of_one():
    team = Team(torch.device("cpu"))
    assert team.rows(5) == slice(0, 5)
    assert team.agreed(3) == 3
    assert team.agreed_float(0.5) == 0.5
    assert float(team.average(torch.ones(()))) == 1
