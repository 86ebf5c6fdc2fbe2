"""The members: where their walks begin, and what is made of their steps."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from medsegdiff.diffusion import Noise, Process, ProcessSettings
from medsegdiff.diffusion.samplers.ddim import DDIM
from medsegdiff.engine.members import BoundNetwork, Estimates, begun, only_head, walked
from medsegdiff.engine.model_location import BUNDLED
from medsegdiff.engine.predict import predict
from medsegdiff.engine.settings import with_overrides, with_predict
from medsegdiff.engine.step_count import StepCount
from medsegdiff.engine.train import train
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import ConfigError

PROCESS = Process(ProcessSettings(), (16, 16))
NOISE = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
HEAD = torch.rand(1, 16, 16, generator=torch.Generator().manual_seed(1))


def test_networks_without_a_head_need_members():
    with pytest.raises(ConfigError, match="at least one member"):
        only_head(BoundNetwork(None, None), "x")


def test_a_walk_begins_with_noise():
    assert begun(NOISE, HEAD, PROCESS, DDIM()) is NOISE


def test_a_warm_start_is_the_head_s_mask_made_noisy():
    x = begun(NOISE, HEAD, PROCESS, DDIM(start=0.3))
    level = torch.tensor([300] * 3)
    eps = (x - PROCESS.at(level, x)[0] * PROCESS.from_probability(HEAD)) / PROCESS.at(level, x)[1]
    assert torch.allclose(eps, NOISE, atol=1e-4)


def test_a_warm_start_needs_a_head():
    with pytest.raises(ConfigError, match=r"sampler.start=0.5 .* has no head"):
        begun(NOISE, None, PROCESS, DDIM(start=0.5))


def test_estimates_are_kept_only_if_wanted():
    for is_kept in (True, False):
        estimates = Estimates(lambda x_t, t, last: x_t, is_kept, StepCount())
        DDIM(steps=4)(estimates, NOISE, PROCESS, noise=lambda: NOISE)
        assert len(estimates.x_0) == (4 if is_kept else 0)


@pytest.mark.parametrize("setting", ["sampler.start=0.4", "step_fusion=true"])
def test_the_setting_reaches_the_mask(setting, model, lesion):
    before = predict(lesion, model, model.predict).probability
    after = predict(lesion, model, with_overrides(model.predict, [setting])).probability
    assert not torch.equal(before, after)
    assert after.min() >= 0
    assert after.max() <= 1


def test_the_image_is_looked_at_once_whatever_the_members_and_steps(model, lesion, monkeypatch):
    looks, network = [], model.networks[0]
    condition = network.condition
    monkeypatch.setattr(network, "condition", lambda image: looks.append(1) or condition(image))
    predict(lesion, model, with_predict(model.predict, members=5, steps=4, member_batch=2))
    assert len(looks) == 1


def test_each_step_is_told_the_estimate_of_the_one_before_and_a_new_walk_none():
    told = []

    def denoise(x_t, t, last):
        told.append(last)
        return x_t * len(told)

    estimates = Estimates(denoise, False, StepCount())
    for _ in range(2):
        noise = Noise(b"study", range(3), 0, (1, 16, 16))
        walked(estimates, noise, None, PROCESS, DDIM(steps=3))
    assert [last is None for last in told] == [True, False, False] * 2
    assert torch.equal(told[1], told[4] / 4)  # the answer to the same noise, first and fourth


@pytest.fixture(scope="session")
def conditioned(skin, tiny, tmp_path_factory) -> TrainedModel:
    """A model that has been trained with its last guess beside the noisy mask."""
    run = tmp_path_factory.mktemp("conditioned")
    train(skin, run, tiny("model.network.self_conditioning=true"), device="cpu")
    return TrainedModel.load(run, "cpu")


def test_members_that_see_their_last_guess_do_not_hang_on_chunks(conditioned, lesion):
    config = with_predict(conditioned.predict, members=5, steps=3)
    whole, parts = (
        predict(lesion, conditioned, with_predict(config, member_batch=rows)).members
        for rows in (5, 2)
    )
    assert torch.equal(whole, parts)


def test_the_denoiser_is_shown_zeros_and_then_its_guess(conditioned, lesion, monkeypatch):
    seen, network = [], conditioned.networks[0]
    denoise = network.denoise
    monkeypatch.setattr(
        network, "denoise", lambda x_t, t, c: seen.append(x_t) or denoise(x_t, t, c)
    )
    predict(lesion, conditioned, with_predict(conditioned.predict, members=2, steps=2))
    assert [x_t.shape[1] for x_t in seen] == [2, 2]
    assert not seen[0][:, 1:].any()
    assert seen[1][:, 1:].any()
    assert seen[1][:, 1:].abs().max() <= 1


@pytest.mark.parametrize("steps", [2, 9])
def test_each_step_asks_the_denoiser_once_for_each_chunk(steps, model, lesion, monkeypatch):
    asked, network = [], model.networks[0]
    denoise = network.denoise
    monkeypatch.setattr(
        network, "denoise", lambda x_t, t, c: asked.append(len(x_t)) or denoise(x_t, t, c)
    )
    predict(lesion, model, with_predict(model.predict, members=5, steps=steps, member_batch=2))
    assert asked == [2] * steps + [2] * steps + [1] * steps


def test_a_device_without_memory_draws_the_same_members_in_halves(lesion, finished_run):
    plain, small = (TrainedModel.load(finished_run, "cpu") for _ in range(2))
    config = with_predict(plain.predict, members=5, steps=2, member_batch=5)
    expected = predict(lesion, plain, config).members
    asked, denoise = [], small.networks[0].denoise

    def within_bounds(x_t, t, condition):
        asked.append(len(x_t))
        if len(x_t) > 2:
            raise torch.OutOfMemoryError
        return denoise(x_t, t, condition)

    small.networks[0].denoise = within_bounds
    assert predict(lesion, small, config).members.equal(expected)
    assert asked == [5, 2, 2, 2, 2, 1, 1]
    predict(lesion, small, config)
    assert asked[7:] == [2, 2, 2, 2, 1, 1]  # what was too much is not tried again


def test_25_members_of_the_bundled_weights_cost_at_most_6_1_gflop(lesion):
    model = TrainedModel.load(BUNDLED / "skin-lesion", "cpu")
    own = with_predict(model.predict, members=25, precision="fp32")
    with FlopCounterMode(display=False) as counted:
        predict(lesion, model, own)
    assert 3e9 < counted.get_total_flops() < 6.1e9
