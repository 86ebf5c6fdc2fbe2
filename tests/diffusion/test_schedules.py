"""Schedules: decreasing, in float64, and the curves of their papers."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.diffusion import Schedule
from medsegdiff.diffusion.schedules.cosine import Cosine
from medsegdiff.diffusion.schedules.linear import Linear
from medsegdiff.diffusion.schedules.shifted_cosine import ShiftedCosine

SHIPPED = {
    name: member
    for name, member in Schedule.members.items()
    if member.__module__.startswith("medsegdiff.")
}
every_schedule = pytest.mark.parametrize("name", sorted(SHIPPED))


def log_snr(alpha_bar):
    return torch.log(alpha_bar[1:] / (1 - alpha_bar[1:]))


@every_schedule
@pytest.mark.parametrize("levels", [10, 100, 1000, 4000])
def test_the_signal_fades_from_whole_to_nearly_none(name, levels):
    alpha_bar = SHIPPED[name]().alpha_bar(levels, (96, 96))
    assert alpha_bar.dtype == torch.float64
    assert alpha_bar.shape == (levels + 1,)
    assert alpha_bar[0] == 1
    assert (alpha_bar.diff() < 0).all()
    assert 0 < alpha_bar[-1] < 1e-4


def test_linear_has_the_betas_of_ddpm():
    alpha_bar = Linear().alpha_bar(1000, (8, 8))
    beta = 1 - alpha_bar[1:] / alpha_bar[:-1]
    torch.testing.assert_close(beta, torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64))


def test_cosine_has_its_curve_where_beta_is_not_clipped():
    alpha_bar = Cosine().alpha_bar(1000, (8, 8))
    level = torch.arange(1000, dtype=torch.float64) / 1000
    curve = torch.cos((level + 0.008) / 1.008 * math.pi / 2) ** 2
    torch.testing.assert_close(alpha_bar[:1000], curve / curve[0])


def test_shifted_cosine_on_the_reference_grid_is_the_formula_of_its_paper():
    found = log_snr(ShiftedCosine().alpha_bar(1000, (64, 64))).tolist()
    t_min, t_max = math.atan(math.exp(-7.5)), math.atan(math.exp(7.5))
    levels = [t_min + t / 1000 * (t_max - t_min) for t in range(1, 1001)]
    assert found == pytest.approx([-2 * math.log(math.tan(level)) for level in levels], abs=1e-9)
    assert found[-1] == pytest.approx(-15)


def test_shifted_cosine_on_the_reference_grid_is_nearly_a_plain_cosine():
    alpha_bar = ShiftedCosine().alpha_bar(1000, (64, 64))
    level = torch.linspace(0, 1, 1001, dtype=torch.float64)
    torch.testing.assert_close(alpha_bar, torch.cos(level * math.pi / 2) ** 2, atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    ("size", "shift"),
    [((128, 128), -2 * math.log(2)), ((64, 256), -2 * math.log(2)), ((128,) * 3, -3 * math.log(2))],
)
def test_shift_follows_the_number_of_voxels(size, shift):
    plain = log_snr(ShiftedCosine().alpha_bar(100, (64,) * len(size)))
    moved = log_snr(ShiftedCosine().alpha_bar(100, size))
    torch.testing.assert_close(moved, plain + shift)


@given(st.integers(16, 512), st.integers(16, 512))
def test_averaging_over_a_share_of_the_grid_leaves_the_same_noise(height, width):
    schedule = ShiftedCosine()
    snr = log_snr(schedule.alpha_bar(50, (height, width))).exp() * height * width
    torch.testing.assert_close(snr, log_snr(schedule.alpha_bar(50, (64, 64))).exp() * 64**2)
