"""Objectives: what the output means, what it costs, and how levels are weighted."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.diffusion import Objective, Process, ProcessSettings
from medsegdiff.diffusion.objectives.clean import Clean
from medsegdiff.diffusion.objectives.eps import Eps
from medsegdiff.diffusion.objectives.logits import Logits
from medsegdiff.diffusion.objectives.objective import mean_square, over_scales
from medsegdiff.diffusion.objectives.velocity import Velocity
from medsegdiff.diffusion.parametrisation import eps_from_x_0, v_from_x_0
from medsegdiff.types import MaskCoding

SIZE = (6, 5)
SHIPPED = {
    name: member
    for name, member in Objective.members.items()
    if member.__module__.startswith("medsegdiff.")
}
every_objective = pytest.mark.parametrize("name", sorted(SHIPPED))
T = torch.tensor([20, 400, 950])


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def case(scale=0.2, channels=1):
    """A process, the truth and what the noise made of it."""
    coding = MaskCoding.of_channels(channels)
    process = Process(ProcessSettings(signal_scale=scale), SIZE, coding)
    x_0 = process.signal((randn(3, *SIZE) > 0).long()).double()
    return process, x_0, process.diffuse(x_0, T, randn(*x_0.shape, seed=1))


def output_for(name, x_0, x_t, process):
    """What a network must say for this clean signal."""
    b = process.signal_scale
    return {
        "logits": lambda: 40 * x_0 / b,
        "x_0": lambda: x_0 / b,
        "eps": lambda: eps_from_x_0(x_0, x_t, T, process),
        "v": lambda: v_from_x_0(x_0, x_t, T, process),
    }[name]()


@every_objective
@pytest.mark.parametrize("channels", [1, 2])
def test_the_right_output_means_the_truth_and_costs_nothing(name, channels):
    process, x_0, x_t = case(channels=channels)
    output = output_for(name, x_0, x_t, process)
    found = SHIPPED[name]().x_0(output, x_t, T, process)
    torch.testing.assert_close(found.double(), x_0, rtol=0, atol=2e-3)  # 1 / alpha is 16 at t=950
    cost = SHIPPED[name]().loss(output.float(), x_0.float(), x_t.float(), T, process)
    assert cost.shape == (3,)
    assert cost.max() < 1e-5


@every_objective
@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_the_meaning_of_any_output_lies_within_the_bounds(name, scale):
    process, x_0, x_t = case(scale)
    found = SHIPPED[name]().x_0(100 * randn(*x_0.shape, seed=5), x_t, T, process)
    assert found.abs().max() <= scale + 1e-6
    assert found.isfinite().all()


@every_objective
def test_rows_do_not_see_each_other(name):
    process, x_0, x_t = (part if isinstance(part, Process) else part.float() for part in case())
    output = randn(*x_0.shape, seed=5).float()
    together = SHIPPED[name]().loss(output, x_0, x_t, T, process)
    rows = [(output[i, None], x_0[i, None], x_t[i, None], T[i, None]) for i in range(3)]
    alone = torch.cat([SHIPPED[name]().loss(*row, process) for row in rows])
    torch.testing.assert_close(together, alone)


def test_eps_is_equation_7():
    process, x_0, _ = case()
    eps, output = randn(*x_0.shape, seed=1), randn(*x_0.shape, seed=2)
    expected = (eps - output).square().flatten(1).mean(1)
    cost = Eps().loss(output, x_0, process.diffuse(x_0, T, eps), T, process)
    torch.testing.assert_close(cost.double(), expected, rtol=1e-5, atol=1e-5)


@given(st.floats(0.5, 20), st.sampled_from([0.1, 0.2, 1.0]), st.integers(0, 99))
def test_min_snr_weighs_every_squared_error_alike(gamma, scale, seed):
    process, x_0, x_t = case(scale)
    guess = x_0 + 0.3 * scale * randn(*x_0.shape, seed=seed)
    costs = [
        member(min_snr_gamma=gamma).loss(
            output_for(name, guess, x_t, process), x_0, x_t, T, process
        )
        for name, member in {"x_0": Clean, "eps": Eps, "v": Velocity}.items()
    ]
    torch.testing.assert_close(costs[1], costs[0], rtol=1e-4, atol=0)
    torch.testing.assert_close(costs[2], costs[0], rtol=1e-4, atol=0)


@pytest.mark.parametrize(("gamma", "cut"), [(1e9, False), (1e-9, True)])
def test_min_snr_weight_is_the_smaller_of_both(gamma, cut):
    process, x_0, x_t = case()
    output = randn(*x_0.shape, seed=3)
    plain = Clean().loss(output, x_0, x_t, T, process)
    weighted = Clean(min_snr_gamma=gamma).loss(output, x_0, x_t, T, process)
    expected = torch.full((3,), gamma) if cut else process.snr(T, x_0).flatten().float()
    torch.testing.assert_close(weighted / plain, expected)


def test_logits_are_scored_as_a_segmentation():
    process, x_0, x_t = (part if isinstance(part, Process) else part.float() for part in case())
    undecided = Logits().loss(torch.zeros_like(x_0), x_0, x_t, T, process)
    assert (undecided > torch.tensor(2.0).log()).all()
    assert torch.equal(undecided, Logits().loss(torch.zeros_like(x_0), x_0, 0 * x_t, T, process))


def test_an_even_error_costs_the_same_at_every_scale():
    error = torch.full((2, 1, 128, 96), 0.5)
    assert torch.allclose(over_scales(error), mean_square(error))


def test_scales_are_weighted_by_one_over_their_side():
    stripes = torch.tensor([1.0, -1.0]).repeat(64).expand(1, 1, 128, 128)  # gone when halved
    expected = (1 / 128) / (1 / 128 + 1 / 64 + 1 / 32)
    assert over_scales(stripes).item() == pytest.approx(expected)


@pytest.mark.parametrize("size", [(40, 63), (32, 32, 32)])
def test_small_grids_have_a_single_scale(size):
    error = randn(2, 1, *size)
    assert torch.allclose(over_scales(error), mean_square(error))


def test_coarse_structure_counts_for_more_if_asked():
    process = Process(ProcessSettings(), (64, 64))
    x_0 = torch.zeros(1, 1, 64, 64)
    wrong = torch.ones(1, 1, 64, 64)
    wrong[..., ::2] = 0
    costs = [
        Clean(multi_scale=is_on).loss(wrong, x_0, x_0, T[:1], process) for is_on in (False, True)
    ]
    assert costs[1] < costs[0]


@every_objective
@pytest.mark.parametrize("channels", [1, 3])
def test_ignored_voxels_neither_cost_nor_teach_anything(name, channels):
    process, x_0, x_t = (
        part if isinstance(part, Process) else part.float() for part in case(channels=channels)
    )
    output = randn(*x_0.shape, seed=5).float().requires_grad_()
    weight = torch.ones(3, 1, *SIZE)
    weight[..., 3:] = 0
    found = SHIPPED[name]().loss(output, x_0, x_t, T, process, weight)
    cut = (one[..., :3] for one in (output, x_0, x_t))
    torch.testing.assert_close(found, SHIPPED[name]().loss(*cut, T, process))
    found.sum().backward()
    assert not output.grad[..., 3:].any()
    assert output.grad[..., :3].any()


def test_ignored_voxels_do_not_leak_into_coarser_grids():
    error = torch.full((1, 1, 64, 64), 0.5)
    weight = torch.ones(1, 1, 64, 64)
    error[..., 7:30], weight[..., 7:30] = 100.0, 0.0
    assert over_scales(error, weight).item() == pytest.approx(0.25)
