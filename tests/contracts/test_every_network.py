"""Whatever network there is: one look at the image, any grid, and every weight learns."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor

import medsegdiff.models as models

SHIPPED = {
    name: member
    for name, member in models.Network.members.items()
    if member.__module__.startswith("medsegdiff.")
}
every_network = pytest.mark.parametrize("name", sorted(SHIPPED))
every_denoiser = pytest.mark.parametrize("name", sorted(set(SHIPPED) - {"unet"}))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def outputs(
    network: models.SegmentationNetwork, image: Tensor, x_t: Tensor, t: Tensor
) -> list[Tensor]:
    """Whatever the network says of a mask: its denoised one, its head's, or both."""
    condition = network.condition(image)
    heads = [] if condition.logits is None else [condition.logits]
    return heads + ([network.denoise(x_t, t, condition)] if network.denoises else [])


@cache
@torch.enable_grad()
@torch.autocast("cpu", enabled=False)
def trained(
    name: str, grid: tuple[int, ...] = (24, 16), channels: int = 1
) -> models.SegmentationNetwork:
    """A network after three steps, when layers that start at zero have moved; gradients kept."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SHIPPED[name]().build(3, channels, len(grid))
    image, x_t, t = normal(2, 3, *grid), normal(2, channels, *grid, seed=1), torch.tensor([7, 600])
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(4):
        optimiser.step()
        optimiser.zero_grad()
        sum(
            (out - x_t.flip(0)).square().mean() for out in outputs(network, image, x_t, t)
        ).backward()
    return network.eval()


def test_there_are_networks() -> None:
    assert {"concat", "medsegdiff", "medsegdiff_v1", "medsegdiff_v2", "sum", "unet"} <= set(SHIPPED)


@every_network
@pytest.mark.parametrize("grid", [(24, 16), (24, 8, 16)], ids=["images", "volumes"])
def test_every_parameter_gets_a_gradient(name: str, grid: tuple[int, ...]) -> None:
    idle = [
        key
        for key, weight in trained(name, grid).named_parameters()
        if weight.grad is None or not weight.grad.any()
    ]
    assert not idle


@every_network
@pytest.mark.parametrize("grid", [(16, 16), (17, 23), (40, 8)])
def test_any_grid_goes_in_and_comes_out(name: str, grid: tuple[int, ...]) -> None:
    with torch.no_grad():
        out = outputs(trained(name), normal(2, 3, *grid), normal(2, 1, *grid), torch.tensor([1, 9]))
    assert out
    for mask in out:
        assert mask.shape == (2, 1, *grid)
        assert mask.dtype == torch.float32
        assert mask.isfinite().all()


@every_network
def test_volumes_are_a_setting(name: str) -> None:
    network = SHIPPED[name]().build(2, 3, space_dims=3).eval()
    with torch.no_grad():
        out = outputs(network, normal(1, 2, 8, 9, 8), normal(1, 3, 8, 9, 8), torch.tensor([5]))
    assert all(mask.shape == (1, 3, 8, 9, 8) for mask in out)


@every_network
@torch.no_grad()
def test_two_looks_are_the_same(name: str) -> None:
    given = normal(2, 3, 24, 16), normal(2, 1, 24, 16), torch.tensor([7, 600])
    first, second = outputs(trained(name), *given), outputs(trained(name), *given)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@every_network
@torch.no_grad()
def test_rows_of_a_batch_do_not_see_each_other(name: str) -> None:
    image, x_t, t = normal(3, 3, 24, 16), normal(3, 1, 24, 16, seed=1), torch.tensor([0, 9, 1000])
    together = outputs(trained(name), image, x_t, t)
    alone = [outputs(trained(name), image[i, None], x_t[i, None], t[i, None]) for i in range(3)]
    for whole, parts in zip(together, zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(whole, torch.cat(parts), rtol=1e-5, atol=1e-5)


@every_denoiser
@torch.no_grad()
def test_one_condition_serves_all_members(name: str) -> None:
    network, image = trained(name), normal(1, 3, 24, 16)
    x_t, t = normal(3, 1, 24, 16, seed=1), torch.tensor([500, 500, 500])
    shared = network.denoise(x_t, t, network.condition(image))
    own = network.denoise(x_t, t, network.condition(image.expand(3, -1, -1, -1)))
    torch.testing.assert_close(shared, own, rtol=1e-5, atol=1e-5)


@every_denoiser
@torch.no_grad()
def test_image_mask_and_level_all_matter(name: str) -> None:
    image, x_t, t = normal(1, 3, 24, 16), normal(1, 1, 24, 16, seed=1), torch.tensor([500])
    out = outputs(trained(name), image, x_t, t)[-1]
    for other in [(image.flip(2), x_t, t), (image, x_t.flip(2), t), (image, x_t, t - 400)]:
        assert not torch.allclose(out, outputs(trained(name), *other)[-1], atol=1e-6)


@every_denoiser
@pytest.mark.parametrize("channels", [1, 3])
def test_a_last_guess_is_seen_where_that_is_asked_for(name: str, channels: int) -> None:
    network = SHIPPED[name](self_conditioning=True).build(3, channels)
    x_t, guess, t = normal(2, channels, 24, 16), normal(2, channels, 24, 16, seed=1), [7, 600]
    condition = network.condition(normal(2, 3, 24, 16, seed=2))
    out = [
        network.denoise(torch.cat([x_t, one], dim=1), torch.tensor(t), condition)
        for one in (torch.zeros_like(x_t), guess)
    ]
    assert network.self_conditions
    assert out[0].shape == (2, channels, 24, 16)
    assert not torch.allclose(*out, atol=1e-6)
    assert not SHIPPED[name]().build(3, channels).self_conditions


@every_network
@torch.no_grad()
def test_half_precision_agrees(name: str) -> None:
    given = normal(1, 3, 24, 16), normal(1, 1, 24, 16, seed=1), torch.tensor([500])
    full = outputs(trained(name), *given)
    with torch.autocast("cpu", torch.bfloat16):
        half = outputs(trained(name), *given)
    for a, b in zip(full, half, strict=True):
        torch.testing.assert_close(a.sigmoid(), b.float().sigmoid(), rtol=0, atol=2e-2)


@every_network
def test_settings_survive_json(name: str) -> None:
    network = SHIPPED[name]()
    assert models.Network.model_validate_json(network.model_dump_json()) == network
