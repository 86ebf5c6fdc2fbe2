"""What only a GPU can show: the same noise, the same masks within rounding, graphs of the steps."""

from __future__ import annotations

import pytest
import torch

from medsegdiff.diffusion.noise import Noise
from medsegdiff.engine.predict import predict
from medsegdiff.engine.settings import with_predict
from medsegdiff.engine.train import train
from medsegdiff.engine.weights import TrainedModel

pytestmark = pytest.mark.gpu
WITHIN = {"fp32": 1e-5, "bf16": 2e-2}


def test_noise_has_the_bits_that_a_processor_gives():
    here, there = (Noise(b"study", range(3), 7, (1, 40, 33), device=d) for d in ("cpu", "cuda"))
    for _ in range(3):
        assert there().cpu().equal(here())


@pytest.mark.parametrize("precision", sorted(WITHIN))
def test_probabilities_are_a_processors_within_rounding(finished_run, lesion, precision):
    found = {}
    for device in ("cpu", "cuda"):
        model = TrainedModel.load(finished_run, device)
        wanted = precision if device == "cuda" else "fp32"
        config = with_predict(model.predict, members=5, seed=0, precision=wanted)
        found[device] = predict(lesion, model, config)
    apart = (found["cuda"].probability - found["cpu"].probability).abs().max()
    assert apart <= WITHIN[precision]
    if precision == "fp32":
        same = (found["cuda"].mask == found["cpu"].mask).double().mean()
        assert same >= 0.9999


def test_graphs_of_the_steps_give_the_masks_of_plain_steps(finished_run, lesion):
    model = TrainedModel.load(finished_run, "cuda")
    plain = predict(lesion, model, with_predict(model.predict, members=3, precision="fp32"))
    traced = with_predict(model.predict, members=3, precision="fp32", compiled=True)
    for _ in range(3):  # the first ones record
        again = predict(lesion, model, traced)
    assert (again.probability - plain.probability).abs().max() <= 1e-4


def test_a_training_ends_with_weights_that_predict(skin, tiny, tmp_path, lesion):
    train(skin, tmp_path, tiny("train.max_steps=4", "train.validations=1"), device="cuda")
    model = TrainedModel.load(tmp_path, "cuda")
    assert torch.isfinite(predict(lesion, model, model.predict).probability).all()
