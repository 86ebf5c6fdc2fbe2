"""Our schedules and samplers against those of diffusers: the same levels, trailing spacing.

Its level t (0 to 999) is our t + 1. It builds schedules in float32, so those agree to 2e-4 of the
smallest alpha_bar; given our float64 schedule, DDIM and DDPM agree to rounding. Its DPM-Solver++
computes in float32 throughout: 2e-5.
"""

from __future__ import annotations

import warnings
from itertools import count

import pytest
import torch

from medsegdiff.diffusion import Process, ProcessSettings, Schedule
from medsegdiff.diffusion.samplers.ddim import DDIM
from medsegdiff.diffusion.samplers.ddpm import DDPM
from medsegdiff.diffusion.samplers.dpm_solver import DPMSolver

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    oracle = pytest.importorskip("diffusers")

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SHAPE = (2, 1, 4, 5)
NAMES = {"linear": "linear", "cosine": "squaredcos_cap_v2"}
COMMON = {
    "num_train_timesteps": 1000,
    "beta_start": 1e-4,
    "beta_end": 0.02,
    "prediction_type": "sample",
    "timestep_spacing": "trailing",
}
EXACT = {"rtol": 0, "atol": 1e-8}
both_schedules = pytest.mark.parametrize("schedule", ["linear", "cosine"])
even_steps = pytest.mark.parametrize(
    "steps", [1, 2, 5, 10, 50, 100, 1000]
)  # it takes 1000 // steps


def our_process(schedule):
    settings = ProcessSettings(schedule=Schedule.named(schedule)(), signal_scale=1)
    return Process(settings, SHAPE[2:])


def their_scheduler(kind, schedule, steps, **options):
    """A scheduler of diffusers on our float64 schedule."""
    scheduler = kind(beta_schedule=NAMES[schedule], **COMMON, **options)
    scheduler.alphas_cumprod = our_process(schedule).alpha_bar[1:].clone()
    scheduler.set_timesteps(steps)
    return scheduler


def randn(seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(SHAPE, generator=generator, dtype=torch.float64)


def noises(first=1):
    """One noise field after another."""
    seeds = count(first)
    return lambda: randn(next(seeds))


def estimate(x, level):
    """Stand in for a network: a clean signal that depends on x_t and t."""
    return torch.tanh((1 + level / 1000) * x + 0.3)


def denoise(x, t):
    return estimate(x, t.view(-1, 1, 1, 1).double())


@both_schedules
def test_schedule(schedule):
    theirs = oracle.DDPMScheduler(beta_schedule=NAMES[schedule], **COMMON).alphas_cumprod
    ours = our_process(schedule).alpha_bar[1:]
    torch.testing.assert_close(ours, theirs.double(), rtol=2e-4, atol=0)


@both_schedules
@even_steps
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_ddim(schedule, steps, eta):
    scheduler = their_scheduler(oracle.DDIMScheduler, schedule, steps, clip_sample=False)
    x, noise = randn(0), noises()
    for t in scheduler.timesteps:
        x_0, fresh = estimate(x, t.item() + 1), noise() if eta else None
        x = scheduler.step(x_0, t, x, eta=eta, variance_noise=fresh).prev_sample
    ours = DDIM(steps=steps, eta=eta)(denoise, randn(0), our_process(schedule), noise=noises())
    torch.testing.assert_close(ours, x, **EXACT)


@both_schedules
@even_steps
def test_ddpm(schedule, steps):
    options = {"clip_sample": False, "variance_type": "fixed_small"}
    scheduler = their_scheduler(oracle.DDPMScheduler, schedule, steps, **options)
    x, generator = randn(0), torch.Generator().manual_seed(1)
    for t in scheduler.timesteps:
        x = scheduler.step(estimate(x, t.item() + 1), t, x, generator=generator).prev_sample
    again = torch.Generator().manual_seed(1)
    source = lambda: torch.randn(SHAPE, generator=again, dtype=torch.float64)  # noqa: E731
    ours = DDPM(steps=steps)(denoise, randn(0), our_process(schedule), noise=source)
    torch.testing.assert_close(ours, x, **EXACT)


@both_schedules
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 10, 20, 50])
def test_dpm_solver(schedule, steps):
    options = {"solver_order": 2, "algorithm_type": "dpmsolver++", "lower_order_final": True}
    kind = oracle.DPMSolverMultistepScheduler
    scheduler = their_scheduler(kind, schedule, steps, final_sigmas_type="zero", **options)
    x = randn(0)
    for t in scheduler.timesteps:
        x = scheduler.step(estimate(x, t.item() + 1), t, x).prev_sample
    ours = DPMSolver(steps=steps)(denoise, randn(0), our_process(schedule), noise=noises())
    torch.testing.assert_close(ours, x, rtol=0, atol=2e-5)


@even_steps
def test_spacing(steps):
    scheduler = their_scheduler(oracle.DDIMScheduler, "linear", steps)
    assert torch.equal(our_process("linear").levels(steps)[:-1], scheduler.timesteps + 1)
