"""Faster ways to run a network compute what the network computes."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from medsegdiff.engine.acceleration import (
    CAST_BY_AUTOCAST,
    compiled,
    under_autocast,
    with_bf16_weights,
)
from medsegdiff.engine.folder_prediction import predict_folder
from medsegdiff.engine.precision import autocast
from medsegdiff.engine.settings import with_predict
from medsegdiff.errors import ConfigError
from medsegdiff.models import Network, SegmentationNetwork

CPU = torch.device("cpu")
X_T, T = torch.randn(2, 1, 32, 32), torch.tensor([900, 100])


def passes(network: SegmentationNetwork, image: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode(), autocast("bf16", CPU):
        condition = network.condition(image)
        assert condition.logits is not None or network.denoises
        return network.denoise(X_T, T, condition) if network.denoises else condition.logits


@pytest.mark.parametrize("name", sorted(Network.members))
def test_weights_held_as_bf16_compute_the_same(name):
    network, image = Network.named(name)().build(3, 1).eval(), torch.randn(1, 3, 32, 32)
    held = with_bf16_weights(network)
    kinds = {m.weight.dtype for m in under_autocast(held) if isinstance(m, CAST_BY_AUTOCAST)}
    assert kinds == {torch.bfloat16}
    assert passes(held, image).equal(passes(network, image))


def test_a_model_keeps_what_it_made_ready(model):
    assert model.ready("fp32", False) == model.networks
    half = model.ready("bf16", False)
    assert half[0] is not model.networks[0]
    assert model.ready("bf16", False) is half


def test_compiling_is_for_gpus(model):
    with pytest.raises(ConfigError, match=r"compiled=true\) is for GPUs, but this is cpu"):
        compiled(model.networks[0], CPU)


def test_what_a_device_cannot_do_is_told_once_and_nothing_is_written(model, skin_data, tmp_path):
    config = with_predict(model.predict, compiled=True)
    with pytest.raises(ConfigError, match="is for GPUs"):
        list(predict_folder(skin_data / "images", tmp_path / "out", model, config))
    assert not (tmp_path / "out").exists()


SCRIPT = """
import torch
from medsegdiff.engine.acceleration import Compiled
from medsegdiff.models import Network

torch.manual_seed(0)
network, x_t = Network.named("medsegdiff")().build(3, 1).eval(), torch.randn(2, 1, 32, 32)
image, t = torch.randn(1, 3, 32, 32), torch.tensor([900, 100])
with torch.inference_mode():
    plain, traced = (
        one.denoise(x_t, t, one.condition(image))
        for one in (network, Compiled(network, None, backend="aot_eager"))
    )
assert plain.equal(traced)
"""


@pytest.mark.slow
def test_compiled_passes_compute_the_same():  # in a process that does not check shapes of arguments
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=300)
