"""Whatever sampler there is: a perfect denoiser leads it to the mask; company changes nothing."""

from __future__ import annotations

import pytest
import torch

import medsegdiff.diffusion.samplers as samplers
from medsegdiff.diffusion.noise import Noise
from medsegdiff.diffusion.process import Level, Process, ProcessSettings, Signal
from medsegdiff.errors import ConfigError

SHAPE = (1, 8, 12)
SHIPPED = {
    name: member
    for name, member in samplers.Sampler.members.items()
    if member.__module__.startswith("medsegdiff.")
}
every_sampler = pytest.mark.parametrize("name", sorted(SHIPPED))


@pytest.fixture(scope="module")
def process() -> Process:
    return Process(ProcessSettings(), SHAPE[1:])


class Oracle:
    """Knows the mask, and counts how often it is asked."""

    def __init__(self, process: Process) -> None:
        mask = torch.zeros(1, *SHAPE)
        mask[..., 2:6, 3:9] = 1
        self.x_0 = process.from_probability(mask)
        self.calls = 0

    def __call__(self, x_t: Signal, t: Level) -> Signal:
        assert t.shape == (len(x_t),)
        self.calls += 1
        return self.x_0.expand_as(x_t)


def blurring(x_t: Signal, t: Level) -> Signal:
    """Stand in for a network: the answer depends on x_t and t, each row alone."""
    smooth = torch.nn.functional.avg_pool2d(x_t, 3, stride=1, padding=1)
    return 0.2 * torch.tanh(smooth + t.view(-1, 1, 1, 1) / 1000)


def drawn(name: str, process: Process, members: list[int], steps: int = 4, seed: int = 0) -> Signal:
    noise = Noise(b"study", members, seed, SHAPE)
    return SHIPPED[name](steps=steps)(blurring, noise(), process, noise=noise)


def test_there_are_samplers() -> None:
    assert {"ddim", "ddpm"} <= set(SHIPPED)


@every_sampler
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 50, 1000])
def test_a_perfect_denoiser_gives_its_mask(name: str, steps: int, process: Process) -> None:
    oracle, noise = Oracle(process), Noise(b"study", range(2), 0, SHAPE)
    drawn = SHIPPED[name](steps=steps)(oracle, noise(), process, noise=noise)
    torch.testing.assert_close(drawn, oracle.x_0.expand_as(drawn), rtol=0, atol=1e-5)
    assert oracle.calls == steps


@every_sampler
def test_more_steps_than_levels_are_refused(name: str, process: Process) -> None:
    noise = Noise(b"study", [0], 0, SHAPE)
    with pytest.raises(ConfigError, match="1001"):
        SHIPPED[name](steps=1001)(blurring, noise(), process, noise=noise)


@every_sampler
def test_a_member_is_the_same_in_any_company(name: str, process: Process) -> None:
    together = drawn(name, process, [0, 1, 2, 3])
    alone = torch.cat([drawn(name, process, [member]) for member in (3, 1, 0, 2)])
    assert torch.equal(together, alone[[2, 1, 3, 0]])


@every_sampler
def test_the_seed_matters_and_nothing_else(name: str, process: Process) -> None:
    first = drawn(name, process, [0, 1])
    torch.manual_seed(99)
    assert torch.equal(first, drawn(name, process, [0, 1]))
    assert not torch.equal(first, drawn(name, process, [0, 1], seed=1))


@every_sampler
def test_masks_are_finite_and_keep_shape_and_type(name: str, process: Process) -> None:
    masks = drawn(name, process, [0, 1], steps=50)
    assert masks.shape == (2, *SHAPE)
    assert masks.dtype == torch.float32
    assert masks.isfinite().all()


@every_sampler
def test_settings_survive_json(name: str) -> None:
    sampler = SHIPPED[name](steps=3)
    assert samplers.Sampler.model_validate_json(sampler.model_dump_json()) == sampler
