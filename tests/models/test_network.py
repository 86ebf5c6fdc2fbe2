"""Every weight of every network learns from the loss that the network is trained with."""

from __future__ import annotations

import pytest
import torch

from medsegdiff.diffusion import (
    NoiseDraw,
    NoiseRecipe,
    Objective,
    Process,
    ProcessSettings,
    cross_entropy_and_dice,
    diffusion_loss,
)
from medsegdiff.models import Condition, Network
from medsegdiff.types import MaskCoding

GRID = (20, 16)
SMALL = {
    "medsegdiff": {"widths": (4, 6, 8, 10), "blocks": (0, 1, 1, 1), "denoiser_widths": (6, 8)},
    "medsegdiff_v1": {"size": "tiny"},
    "medsegdiff_v2": {"size": "tiny", "ss_blocks": 2},
    "concat": {"size": "tiny"},
    "sum": {"size": "tiny", "image_blocks": 1},
    "unet": {"widths": (4, 6, 8), "blocks": (0, 1, 1)},
}


def network(name, mask_channels):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Network.named(name)(**SMALL[name]).build(3, mask_channels)


def loss_of(module, objective, mask_channels, recycling):
    """What training minimises: the diffusion's loss and the head's, for those that have them."""
    coding = MaskCoding.of_channels(mask_channels)
    generator, process = torch.Generator().manual_seed(0), Process(ProcessSettings(), GRID, coding)
    labels = torch.randint(0, max(2, mask_channels), (3, *GRID), generator=generator)
    x_0 = process.signal(labels)
    drawn = NoiseDraw.draw(x_0.shape, 1000, NoiseRecipe(recycling=recycling), generator)
    condition = module.condition(torch.randn(3, 3, *GRID, generator=generator))
    total = torch.zeros(())
    if module.denoises:
        bound = lambda x_t, t: module.denoise(x_t, t, condition)  # noqa: E731
        total = total + diffusion_loss(bound, x_0, drawn, process, objective).mean()
    if condition.logits is not None:
        truth = process.probability(x_0)
        total = total + cross_entropy_and_dice(condition.logits, truth, coding).mean()
    return total


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("recycling", [0, 1])
@pytest.mark.parametrize("mask_channels", [1, 3])
@pytest.mark.parametrize("objective", sorted(Objective.members))
@pytest.mark.parametrize("name", sorted(SMALL))
def test_every_weight_learns(name, objective, mask_channels, recycling, precision):
    module = network(name, mask_channels)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        loss = loss_of(module, Objective.named(objective)(), mask_channels, recycling)
    loss.backward()
    gradients = {key: weight.grad for key, weight in module.named_parameters()}
    assert [key for key, grad in gradients.items() if grad is None or not grad.any()] == []
    assert all(grad.isfinite().all() for grad in gradients.values())


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_share_of_the_gradient_reaches_the_condition_and_no_value_changes(share):
    weight = torch.rand(1, 2, 3, 3, requires_grad=True)
    whole = Condition((weight * 2,), weight.sum(dim=1, keepdim=True))
    seen = whole.with_gradient(share)
    assert torch.equal(seen.features[0], whole.features[0])
    assert seen.logits is whole.logits
    seen.features[0].sum().backward()
    assert torch.allclose(weight.grad, torch.full_like(weight, 2 * share))
