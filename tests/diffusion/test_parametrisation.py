"""x_0, eps and v are one thing: every way round leads back."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.diffusion import Process, ProcessSettings, Schedule
from medsegdiff.diffusion.parametrisation import (
    eps_from_x_0,
    v_from_x_0,
    x_0_from_eps,
    x_0_from_v,
)

SHAPE = (3, 2, 4, 5)
PROCESSES = [
    Process(ProcessSettings(schedule=Schedule.named(name)()), SHAPE[2:])
    for name in ("linear", "cosine", "shifted_cosine")
]
processes = st.sampled_from(PROCESSES)
levels = st.lists(st.integers(1, 999), min_size=3, max_size=3).map(torch.tensor)


def signals(seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(SHAPE, generator=generator, dtype=torch.float64) for _ in range(2)]


@given(processes, levels, st.integers(0, 99))
def test_noise_and_clean_signal_are_found_in_what_they_made(process, t, seed):
    x_0, eps = signals(seed)
    x_t = process.diffuse(x_0, t, eps)
    torch.testing.assert_close(eps_from_x_0(x_0, x_t, t, process), eps, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(x_0_from_eps(eps, x_t, t, process), x_0, rtol=1e-6, atol=1e-6)


@given(processes, levels, st.integers(0, 99))
def test_v_is_the_mixture_of_its_paper(process, t, seed):
    x_0, eps = signals(seed)
    a = process.alpha_bar[t].view(-1, 1, 1, 1)
    x_t = process.diffuse(x_0, t, eps)
    expected = a.sqrt() * eps - (1 - a).sqrt() * x_0
    torch.testing.assert_close(v_from_x_0(x_0, x_t, t, process), expected, rtol=1e-6, atol=1e-6)


@given(processes, levels, st.integers(0, 99))
def test_round_trips_return_for_any_x_t(process, t, seed):
    x_0, x_t = signals(seed)  # as in recycling, x_t need not come from x_0
    there = [eps_from_x_0(x_0, x_t, t, process), v_from_x_0(x_0, x_t, t, process)]
    back = [x_0_from_eps(there[0], x_t, t, process), x_0_from_v(there[1], x_t, t, process)]
    for found in back:
        torch.testing.assert_close(found, x_0, rtol=1e-5, atol=1e-5)


@given(processes, levels, st.integers(0, 99))
def test_each_level_of_a_batch_is_its_own(process, t, seed):
    x_0, x_t = signals(seed)
    for convert in (eps_from_x_0, x_0_from_eps, v_from_x_0, x_0_from_v):
        together = convert(x_0, x_t, t, process)
        alone = [convert(x_0[i, None], x_t[i, None], t[i, None], process) for i in range(3)]
        assert torch.equal(together, torch.cat(alone))
