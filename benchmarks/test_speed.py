"""Seconds for the parts that cost most; `make bench` saves them with machine and commit."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from medsegdiff.diffusion.noise import Noise
from medsegdiff.diffusion.process import Process, ProcessSettings
from medsegdiff.diffusion.samplers import Sampler
from medsegdiff.ensemble import Ensemble
from medsegdiff.metrics import Metric
from medsegdiff.models import Network, SegmentationNetwork

GRID = (128, 128)
MEMBERS = 8


def network(name: str) -> SegmentationNetwork:
    return Network.named(name)().build(3, 1).eval().to(memory_format=torch.channels_last)


@torch.inference_mode()
@pytest.mark.parametrize("name", sorted(Network.members))
def test_look_at_one_image(benchmark: BenchmarkFixture, name: str) -> None:
    benchmark(network(name).condition, torch.randn(1, 3, *GRID))


@torch.inference_mode()
@pytest.mark.parametrize("name", sorted(set(Network.members) - {"unet"}))
def test_one_step_of_eight_members(benchmark: BenchmarkFixture, name: str) -> None:
    module, x_t = network(name), torch.randn(MEMBERS, 1, *GRID)
    condition = module.condition(torch.randn(1, 3, *GRID))
    benchmark(module.denoise, x_t, torch.full((MEMBERS,), 500), condition)


@pytest.mark.parametrize("name", sorted(Sampler.members))
def test_sampler_with_a_free_denoiser(benchmark: BenchmarkFixture, name: str) -> None:
    process, noise = (
        Process(ProcessSettings(), GRID),
        Noise(b"study", range(MEMBERS), 0, (1, *GRID)),
    )
    sampler, start = Sampler.named(name)(steps=5), noise()

    def free(x_t: Tensor, t: Tensor) -> Tensor:
        return x_t

    benchmark(sampler, free, start, process, noise=noise)


def test_noise_of_eight_members(benchmark: BenchmarkFixture) -> None:
    benchmark(Noise(b"study", range(MEMBERS), 0, (1, *GRID)))


@pytest.mark.parametrize("name", sorted(Ensemble.members))
def test_fuse_eight_members(benchmark: BenchmarkFixture, name: str) -> None:
    benchmark(Ensemble.named(name)(), torch.rand(MEMBERS, 1, *GRID))


@pytest.mark.parametrize("name", sorted(Metric.members))
def test_measure_one_mask(benchmark: BenchmarkFixture, name: str) -> None:
    truth = torch.zeros(512, 512, dtype=torch.int64)
    truth[100:400, 150:420] = 1
    benchmark(Metric.named(name)(), truth.roll(5, dims=0), truth)
