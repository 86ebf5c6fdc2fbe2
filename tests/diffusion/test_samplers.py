"""Samplers against mathematics: Gaussian data, whose best denoiser is known in closed form.

If voxels of x_0 have mean MU and deviation S, then E[x_0 | x_t] is linear in x_t, and the walk
without noise keeps (x_t - sqrt(alpha_bar) MU) / deviation(x_t) as it is from start to end.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.diffusion import Noise, Process, ProcessSettings, Schedule
from medsegdiff.diffusion.samplers.ddim import DDIM
from medsegdiff.diffusion.samplers.ddpm import DDPM
from medsegdiff.diffusion.samplers.dpm_solver import DPMSolver

MU, S = 0.3, 0.5
COUNTS = (50, 100, 200, 400)
SHIPPED_SCHEDULES = ("linear", "cosine", "shifted_cosine")


def process(schedule="shifted_cosine", levels=1000):
    settings = ProcessSettings(schedule=Schedule.named(schedule)(), levels=levels, signal_scale=1)
    return Process(settings, (64, 64))


def even_process():
    """Levels at even distances in log SNR, on which errors shrink smoothly."""
    even = process(levels=6400)
    half_log_snr = torch.linspace(10, -5, 6400, dtype=torch.float64)
    even.alpha_bar = torch.cat([torch.ones(1).double(), torch.sigmoid(2 * half_log_snr)])
    return even


def gaussian_denoiser(p):
    def denoise(x_t, t):
        a = p.alpha_bar[t].view(-1, 1, 1, 1)
        return MU + a.sqrt() * S**2 / (a * S**2 + 1 - a) * (x_t - a.sqrt() * MU)

    return denoise


def silent():
    raise AssertionError("this sampler adds no noise")


def largest_error(sampler, p):
    """Distance from where the exact walk ends."""
    x, a = torch.linspace(-2, 2, 9, dtype=torch.float64).view(1, 1, 3, 3), p.alpha_bar[-1]
    exact = MU + S * (x - a.sqrt() * MU) / (a * S**2 + 1 - a).sqrt()
    return (sampler(gaussian_denoiser(p), x, p, noise=silent) - exact).abs().max().item()


def ratios(kind):
    errors = [largest_error(kind(steps=steps), even_process()) for steps in COUNTS]
    return [coarse / fine for coarse, fine in pairwise(errors)]


def test_error_of_ddim_halves_when_steps_double():
    assert ratios(DDIM) == pytest.approx([2, 2, 2], rel=0.05)


def test_error_of_dpm_solver_quarters_when_steps_double():
    assert ratios(DPMSolver) == pytest.approx([4, 4, 4], rel=0.05)


def test_dpm_solver_needs_fewer_steps_on_the_default_schedule():
    assert largest_error(DPMSolver(steps=10), process()) < 0.5 * largest_error(
        DDIM(steps=10), process()
    )


@pytest.mark.parametrize("schedule", SHIPPED_SCHEDULES)
@pytest.mark.parametrize("sampler", [DDIM(steps=1000, eta=1), DDPM(steps=1000), DDIM(steps=500)])
def test_samples_have_the_mean_and_deviation_of_the_data(schedule, sampler):
    p, noise = process(schedule), Noise(b"study", [0], 0, (1, 100, 200))
    drawn = sampler(gaussian_denoiser(p), noise().double(), p, noise=noise)
    assert drawn.mean().item() == pytest.approx(MU, abs=0.014)  # four standard errors
    assert drawn.std().item() == pytest.approx(S, abs=0.010)


@given(st.integers(1, 60), st.integers(0, 9), st.sampled_from(SHIPPED_SCHEDULES))
def test_ddim_with_eta_1_is_ddpm(steps, seed, schedule):
    p, drawn = PROCESSES[schedule], []
    for sampler in (DDIM(steps=steps, eta=1), DDPM(steps=steps)):
        noise = Noise(b"study", [0, 1], seed, (1, 4, 4))
        drawn.append(sampler(gaussian_denoiser(p), noise().double(), p, noise=noise))
    torch.testing.assert_close(drawn[0], drawn[1], rtol=1e-9, atol=1e-9)


@given(st.floats(0, 1), st.integers(1, 60), st.sampled_from(SHIPPED_SCHEDULES))
def test_a_perfect_denoiser_is_believed_at_any_eta(eta, steps, schedule):
    x_0 = torch.tensor([-1.0, 1.0, 1.0, -1.0]).view(1, 1, 2, 2)
    noise = Noise(b"study", [0], 0, (1, 2, 2))
    drawn = DDIM(steps=steps, eta=eta)(
        lambda x_t, t: x_0, noise(), PROCESSES[schedule], noise=noise
    )
    torch.testing.assert_close(drawn, x_0, rtol=0, atol=1e-5)


@pytest.mark.parametrize("sampler", [DDIM(steps=9), DPMSolver(steps=9)])
def test_deterministic_samplers_ask_for_no_noise(sampler):
    x = Noise(b"study", [0], 0, (1, 4, 4))().double()
    assert sampler(gaussian_denoiser(process()), x, process(), noise=silent).isfinite().all()


@pytest.mark.parametrize("kind", [DDIM, DDPM, DPMSolver])
def test_the_denoiser_is_asked_at_trained_levels_only(kind):
    asked, noise = [], Noise(b"study", [0], 0, (1, 4, 4))

    def denoise(x_t, t):
        asked.append(t.item())
        return 0 * x_t

    kind(steps=5)(denoise, noise(), process(), noise=noise)
    assert asked == [1000, 800, 600, 400, 200]


PROCESSES = {name: process(name) for name in SHIPPED_SCHEDULES}


@pytest.mark.parametrize("kind", [DDIM, DDPM, DPMSolver])
def test_a_walk_may_begin_below_the_last_level(kind):
    p, seen = process(), []

    def denoise(x_t, t):
        seen.append(int(t[0]))
        return torch.zeros_like(x_t)

    kind(steps=4, start=0.4)(
        denoise, torch.ones(1, 1, 3, 3), p, noise=lambda: torch.ones(1, 1, 3, 3)
    )
    assert seen == [400, 300, 200, 100]
