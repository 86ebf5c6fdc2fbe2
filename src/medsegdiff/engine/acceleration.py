"""Networks as a device runs them fastest; what they compute stays the same."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from medsegdiff.errors import ConfigError
from medsegdiff.models import Condition, SegmentationNetwork
from medsegdiff.models.blocks import InFloat32

CAST_BY_AUTOCAST = (
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.Linear,
)


def with_bf16_weights(network: SegmentationNetwork) -> SegmentationNetwork:
    """A copy whose convolutions and matrix products hold their weights as bfloat16.

    Autocast turns these weights into bfloat16 before each use, so the copy computes the same.
    """
    held = copy.deepcopy(network)
    for module in under_autocast(held):
        if isinstance(module, CAST_BY_AUTOCAST):
            module.to(torch.bfloat16)
    return held


def under_autocast(module: nn.Module) -> Iterator[nn.Module]:
    """A module and all in it, without those that run in float32."""
    if not isinstance(module, InFloat32):
        yield module
        for child in module.children():
            yield from under_autocast(child)


class Compiled(SegmentationNetwork):
    """The same weights behind compiled passes; the first use of each grid takes a minute or two.

    Args:
        network: whose weights are shared, not copied.
        mode: of `torch.compile`, for `denoise`; "reduce-overhead" makes CUDA graphs of its steps.
        backend: of `torch.compile`, for both passes.
    """

    def __init__(
        self, network: SegmentationNetwork, mode: str | None, backend: str = "inductor"
    ) -> None:
        super().__init__()
        self.network = network
        self.denoises = network.denoises
        self.self_conditions = network.self_conditions
        self._condition = torch.compile(network.condition, dynamic=False, backend=backend)
        self._denoise = torch.compile(network.denoise, dynamic=False, backend=backend, mode=mode)

    def condition(self, image: Float[Tensor, "B C *S"]) -> Condition:
        """See `SegmentationNetwork.condition`."""
        return self._condition(image)

    def denoise(
        self, x_t: Float[Tensor, "B K *S"], t: Int[Tensor, " B"], condition: Condition
    ) -> Float[Tensor, "B K *S"]:
        """See `SegmentationNetwork.denoise`; a copy, since a CUDA graph reuses its memory."""
        return self._denoise(x_t, t, condition).clone()


def compiled(
    network: SegmentationNetwork, device: torch.device, is_trained: bool = False
) -> SegmentationNetwork:
    """The network for a GPU: compiled, and where no gradient is wanted, its steps as CUDA graphs.

    Raises:
        ConfigError: another device; a step of the default network took a third longer there.
    """
    if device.type != "cuda":
        raise ConfigError(
            f"--compile (compiled=true) is for GPUs, but this is {device}: there it takes minutes "
            "and makes every step slower. Leave it out."
        )
    return Compiled(network, None if is_trained else "reduce-overhead")
