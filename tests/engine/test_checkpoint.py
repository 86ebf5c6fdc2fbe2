"""Training states on disk: what is kept, what is found again, what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from medsegdiff.engine.checkpoint import (
    checkpoints,
    checksum_fault,
    load_optimizer,
    newest_valid,
    optimizer_tensors,
    restore,
    sweep,
)
from medsegdiff.engine.ema import AveragedWeights
from medsegdiff.errors import CheckpointError


@pytest.fixture
def fold(finished_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished_run / "fold_0", tmp_path / "fold_0"))


def test_the_newest_two_and_the_best_are_kept(fold):
    best = (fold / "best").read_text(encoding="utf-8")
    newest = ["checkpoint_0000020", "checkpoint_0000015"]
    assert [path.name for path in checkpoints(fold)][:2] == newest
    assert {path.name for path in checkpoints(fold)} == {*newest, best}
    assert (fold / "latest").read_text(encoding="utf-8") == "checkpoint_0000020"


@pytest.mark.parametrize("file", ["model", "ema", "optimizer"])
def test_a_flipped_bit_is_found(fold, file):
    path = fold / "checkpoint_0000020" / f"{file}.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert checksum_fault(path.parent) == f"{file}.safetensors is damaged"


def test_a_missing_file_is_found(fold):
    (fold / "checkpoint_0000020" / "state.json").unlink()
    (folder, fault), (good, state) = newest_valid(fold)
    assert (folder.name, fault) == ("checkpoint_0000020", "state.json is missing")
    assert state.step == int(good.name[-7:]) == 15


def test_a_state_of_another_version_is_left_out(fold):
    folder = fold / "checkpoint_0000020"
    (folder / "state.json").write_text(json.dumps({"step": 20, "phase": "of the moon"}))
    (folder / "SHA256SUMS").write_text("")
    (_, fault), _ = newest_valid(fold)
    assert "another version" in fault


def test_the_state_says_where_the_training_stands(fold):
    ((_, state),) = newest_valid(fold)
    assert (state.step, state.total_steps, state.averaged_updates) == (20, 20, 20)
    assert state.best_step == int((fold / "best").read_text(encoding="utf-8")[-7:])
    assert 0 < state.best_dice <= 1


def test_another_network_is_refused(fold):
    network = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    with pytest.raises(CheckpointError, match="does not fit this network"):
        restore(fold / "checkpoint_0000020", network, AveragedWeights(network, 0.9), optimizer)


def test_an_optimiser_returns_from_its_tensors():
    parameter = torch.nn.Parameter(torch.ones(3))
    one, other = (torch.optim.AdamW([parameter], lr=0.1) for _ in range(2))
    parameter.sum().backward()
    one.step()
    load_optimizer(other, optimizer_tensors(one))
    mine, yours = one.state_dict()["state"][0], other.state_dict()["state"][0]
    assert mine.keys() == yours.keys() == {"step", "exp_avg", "exp_avg_sq"}
    assert all(mine[key].equal(yours[key]) for key in mine)


def test_the_averaged_weights_are_not_the_last_ones(fold):
    folder = fold / "checkpoint_0000020"
    last, averaged = load_file(folder / "model.safetensors"), load_file(folder / "ema.safetensors")
    assert last.keys() == averaged.keys()
    assert not all(last[name].equal(averaged[name]) for name in last)


def test_what_a_kill_left_behind_is_swept_away(fold):
    (fold / ".checkpoint_0000025.abc.tmp").mkdir()
    (fold / ".checkpoint_0000025.abc.tmp" / "model.safetensors").write_bytes(b"half")
    (fold / ".metrics.jsonl.abc.tmp").write_text("half")
    sweep(fold)
    assert not list(fold.glob(".*.tmp"))
    assert len(checkpoints(fold)) >= 2
