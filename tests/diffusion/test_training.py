"""The training loss: levels, recycling of the network's own guess, and what gradients see."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from medsegdiff.diffusion import NoiseDraw, NoiseRecipe, Process, ProcessSettings, diffusion_loss
from medsegdiff.diffusion.objectives.logits import Logits
from medsegdiff.diffusion.training import draw_levels

SHAPE = (4, 1, 8, 8)


class Witness(nn.Module):
    """A small network that remembers what it was given, and whether gradients were recorded."""

    def __init__(self, logit: float = 0.0) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.tensor(logit))
        self.seen: list[tuple[torch.Tensor, torch.Tensor, bool]] = []

    def forward(self, x_t, t):
        self.seen.append((x_t, t, torch.is_grad_enabled()))
        return 0.1 * x_t + self.bias


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def process():
    return Process(ProcessSettings(), SHAPE[2:])


def truth():
    return process().signal((torch.rand(4, 8, 8, generator=generator(9)) > 0.7).long())


def draw(recycling, seed=0):
    return NoiseDraw.draw(SHAPE, 1000, NoiseRecipe(recycling=recycling), generator(seed))


def loss(network, drawn):
    return diffusion_loss(network, truth(), drawn, process(), Logits())


def test_without_recycling_the_truth_is_made_noisy():
    network, drawn = Witness(), draw(0)
    assert loss(network, drawn).shape == (4,)
    x_t = process().diffuse(truth(), drawn.t, drawn.eps)
    ((seen, t, recorded),) = network.seen
    torch.testing.assert_close(seen, x_t * process().input_scale(t, x_t))
    assert torch.equal(t, drawn.t)
    assert recorded


@pytest.mark.parametrize("logit", [30.0, -30.0])
def test_recycling_makes_noise_of_the_networks_own_guess(logit):
    network, drawn = Witness(logit), draw(1)
    loss(network, drawn)
    first, second = network.seen
    assert torch.equal(first[0], drawn.start)
    assert (first[1] == 1000).all()
    guess = torch.full(SHAPE, 0.2 if logit > 0 else -0.2)  # not the truth, which has both
    x_t = process().diffuse(guess, drawn.t, drawn.eps)
    torch.testing.assert_close(second[0], x_t * process().input_scale(drawn.t, x_t))


def test_no_gradient_passes_through_the_guess():
    network = Witness()
    loss(network, draw(1)).mean().backward()
    (first, _, recorded), (second, _, recorded_again) = network.seen
    assert (recorded, recorded_again) == (False, True)
    assert not first.requires_grad
    assert not second.requires_grad
    assert network.bias.grad is not None


def test_a_recycled_row_is_scored_against_the_truth():
    answers = iter([-200 * truth(), 200 * truth()])  # a wrong guess, then the right mask
    costs = diffusion_loss(lambda x_t, t: next(answers), truth(), draw(1), process(), Logits())
    assert costs.max() < 1e-5


def test_recycling_trains_every_weight_under_autocast():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.SiLU(), nn.Conv2d(4, 1, 1))
    with torch.autocast("cpu", torch.bfloat16):  # its cache must not keep the guess's weights
        loss(lambda x_t, t: network(x_t), draw(1)).mean().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in network.parameters())


class Corrector(Witness):
    """Sees two channels, and answers with what is in the first."""

    def forward(self, x_t, t):
        return super().forward(x_t, t)[:, :1]


def conditioned(network, drawn):
    return diffusion_loss(network, truth(), drawn, process(), Logits(), self_conditions=True)


def test_half_of_the_batches_show_the_networks_own_guess_beside_the_noisy_mask():
    network, drawn = Corrector(2.0), replace(draw(0), shows_guess=True)
    conditioned(network, drawn).mean().backward()
    (first, _, recorded), (second, t, recorded_again) = network.seen
    assert (recorded, recorded_again) == (False, True)
    assert torch.equal(t, drawn.t)
    assert torch.equal(first[:, :1], second[:, :1])
    assert not first[:, 1:].any()  # no guess yet
    x_t = process().diffuse(truth(), drawn.t, drawn.eps)
    answer = Logits().x_0(0.1 * first[:, :1] + 2.0, x_t, drawn.t, process())
    torch.testing.assert_close(second[:, 1:], answer / 0.2)
    assert second[:, 1:].abs().max() <= 1
    drawn = [draw(0, seed).shows_guess for seed in range(400)]
    assert sum(drawn) / 400 == pytest.approx(0.5, abs=0.1)


def test_the_other_batches_show_no_guess():
    network = Corrector()
    conditioned(network, replace(draw(0), shows_guess=False))
    ((seen, _, _),) = network.seen
    assert not seen[:, 1:].any()


def test_a_recycled_guess_is_made_without_another():
    network = Corrector()
    conditioned(network, replace(draw(1), shows_guess=True))
    assert [bool(seen[:, 1:].any()) for seen, _, _ in network.seen] == [False, False, True]


@given(st.floats(0, 1))
def test_recycling_has_its_probability(probability):
    recipe, random = NoiseRecipe(recycling=probability), generator()
    drawn = [NoiseDraw.draw((1, 1, 1, 1), 10, recipe, random).start for _ in range(400)]
    share = sum(start is not None for start in drawn) / 400
    assert share == pytest.approx(probability, abs=0.1)


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_the_last_level_has_its_share(share):
    t = draw_levels(20_000, 1000, share, generator())
    at_last = (t == 1000).float().mean().item()
    assert at_last == pytest.approx(share + (1 - share) / 1000, abs=0.012)  # four standard errors


@given(st.integers(1, 64), st.integers(1, 1000), st.integers(0, 99))
def test_levels_are_spread_evenly_from_1_to_the_last(count, last, seed):
    t = draw_levels(count, last, 0.0, generator(seed))
    assert t.dtype == torch.int64
    strata = (torch.arange(count) * last).div(count, rounding_mode="floor") + 1
    upper = ((torch.arange(count) + 1) * last / count).ceil()
    assert ((t >= strata) & (t <= upper)).all()


def test_a_draw_is_a_function_of_its_generator():
    first, again, other = draw(1), draw(1), draw(1, seed=1)
    for name in ("t", "eps", "start"):
        assert torch.equal(getattr(first, name), getattr(again, name))
        assert not torch.equal(getattr(first, name), getattr(other, name))


def test_rows_of_a_draw_are_those_of_the_whole():
    whole = draw(1)
    parts = [whole.mapped(lambda one: one[:3]), whole.mapped(lambda one: one[3:])]
    assert torch.equal(torch.cat([part.eps for part in parts]), whole.eps)
    assert torch.equal(torch.cat([part.t for part in parts]), whole.t)
    assert torch.equal(torch.cat([part.start for part in parts]), whole.start)
    assert draw(0).mapped(lambda one: one[:2]).start is None
