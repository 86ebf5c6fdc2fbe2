"""MONAI's DynUNet in our training loop: found as a plug-in, and a network like the others."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from ablation.plan import PEERS

pytest.importorskip("monai")


@pytest.fixture
def settings(monkeypatch):
    monkeypatch.syspath_prepend(str(PEERS))
    from dynunet import DynUNet

    return DynUNet


def built(settings, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return settings(stages=3, first_features=4).build(3, 2).eval()


def test_any_grid_goes_in_and_comes_out(settings):
    condition = built(settings).condition(torch.zeros(2, 3, 17, 23))
    assert condition.logits is not None
    assert condition.logits.shape == (2, 2, 17, 23)


def test_a_seed_decides_the_weights(settings):
    image = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    first, same, other = (built(settings, seed).condition(image).logits for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_every_weight_has_one_name_and_learns(settings):
    network = built(settings)
    network.condition(torch.randn(2, 3, 16, 16)).logits.square().mean().backward()
    assert len(network.state_dict()) == len(list(network.parameters()))
    assert all(weight.grad is not None for weight in network.parameters())


def test_the_default_is_that_of_nnu_net_at_96(settings):
    network = settings().build(3, 1)
    widths = sorted({w.shape[0] for w in network.parameters() if w.ndim == 4 and w.shape[0] > 1})
    assert widths == [32, 64, 128, 256, 512]


def test_the_program_finds_it_on_the_path(tmp_path):
    code = (
        "from medsegdiff.engine.settings import read_run_config as read;"
        "print(read(None, ['model.network=dynunet']).model.network.stages)"
    )
    environment = {"PYTHONPATH": str(PEERS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert done.stdout.strip() == b"5"
