"""Blocks that several networks share, in two or three space dimensions."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

TRANSPOSED_CONVOLUTION = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
StemStride = Literal[1, 2, 4]
LARGEST_PERIOD = 10_000  # of the sinusoidal embedding, Vaswani et al. 2017


def without_autocast(m: Tensor) -> AbstractContextManager[object]:
    """Where float32 is needed, as for FFTs; a device may have no autocast to switch off."""
    kind = m.device.type
    is_available = torch.amp.is_autocast_available(kind)
    return torch.autocast(kind, enabled=False) if is_available else nullcontext()


def channels_last(m: Tensor) -> torch.memory_format:
    """The layout in which convolutions of m, (B, F, *S), are fastest."""
    return torch.channels_last if m.ndim == 4 else torch.channels_last_3d


class VolumeConvolution(nn.Conv3d):
    """A convolution of volumes; one of a few slices is trained in float32 on a processor.

    There, oneDNN 3.12 (of PyTorch 2.13) fills the gradient of a bfloat16 weight with rubbish, and
    writes beyond it, where the volume has fewer slices than the kernel, and more than one.
    """

    def forward(self, m: Float[Tensor, "B F *S"]) -> Float[Tensor, "B G *T"]:  # pyright: ignore
        is_thin = m.shape[2] < self.kernel_size[0]
        if is_thin and m.device.type == "cpu" and torch.is_grad_enabled():
            with without_autocast(m):
                return super().forward(m.to(self.weight.dtype))
        return super().forward(m)


CONVOLUTION = {2: nn.Conv2d, 3: VolumeConvolution}


def convolution(
    space_dims: int, inputs: int, outputs: int, kernel: int = 3, stride: int = 1
) -> nn.Module:
    """Convolution that keeps the grid at stride 1 and divides it (rounding up) by a larger one."""
    return CONVOLUTION[space_dims](inputs, outputs, kernel, stride=stride, padding=kernel // 2)


def stem(space_dims: int, inputs: int, outputs: int, stride: StemStride = 1) -> nn.Module:
    """First convolution; every voxel enters it, however far it shrinks the grid.

    Source: down-sampling in the first layer, simple diffusion (arXiv:2301.11093).
    """
    return convolution(space_dims, inputs, outputs, kernel=max(3, 2 * stride - 1), stride=stride)


def unstemmed(space_dims: int, inputs: int, outputs: int, stride: StemStride) -> nn.Module:
    """The way back from a strided stem: a grid `stride` times finer, to be cropped to its size."""
    return TRANSPOSED_CONVOLUTION[space_dims](inputs, outputs, stride, stride=stride)


def cropped(m: Tensor, size: torch.Size, start: int = 0) -> Tensor:
    """As many voxels as a grid of this size has, from voxel `start` of each axis on."""
    return m[(..., *(slice(start, start + length) for length in size))]


def faint(module: nn.Module, scale: float = 0.1) -> nn.Module:
    """Start a layer small: what it adds to begins nearly as it is, yet gradients pass at once."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(scale)
    return module


class InFloat32(nn.Module):
    """Is called where autocast is off, so its weights have to stay float32."""


class GroupNorm(nn.GroupNorm):
    """Group norm that is trained in bfloat16 as fast as in float32 on a processor.

    There, its gradient of features whose channels are last takes up to sixteen times as long as
    that of contiguous ones (PyTorch 2.13), more than two copies; convolutions want channels last.
    """

    def forward(self, m: Float[Tensor, "B F *S"]) -> Float[Tensor, "B F *S"]:  # pyright: ignore
        if m.device.type == "cpu" and m.dtype == torch.bfloat16 and torch.is_grad_enabled():
            return super().forward(m.contiguous()).contiguous(memory_format=channels_last(m))
        return super().forward(m)


def group_norm(features: int) -> GroupNorm:
    """Group norm with groups of at least four features, at most 16 groups."""
    groups = next(
        g for g in (16, 8, 4, 2, 1) if features % g == 0 and features // g >= min(4, features)
    )
    return GroupNorm(groups, features)


def resized(m: Float[Tensor, "B F *S"], like: Float[Tensor, "B G *T"]) -> Float[Tensor, "B F *T"]:
    """Nearest neighbour resize to the grid of another tensor: sizes need not be powers of two."""
    return functional.interpolate(m, size=like.shape[2:], mode="nearest")


class LayerNorm(nn.Module):
    """Normalise over the features at each position, learned scale and shift."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)

    def forward(self, m: Float[Tensor, "B F *S"]) -> Float[Tensor, "B F *S"]:
        return self.norm(m.movedim(1, -1)).movedim(-1, 1)


class TimeEmbedding(nn.Module):
    """Sinusoids of the level, then Linear, SiLU, Linear.

    Source: Vaswani et al. 2017; MedSegDiff, section 3.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.sinusoids = 2 * (features // 2)
        self.mlp = nn.Sequential(
            nn.Linear(self.sinusoids, features), nn.SiLU(), nn.Linear(features, features)
        )

    def forward(self, t: Int[Tensor, " B"]) -> Float[Tensor, "B F"]:
        return self.mlp(sinusoidal_embedding(t, self.sinusoids))


def sinusoidal_embedding(t: Int[Tensor, " B"], features: int) -> Float[Tensor, "B F"]:
    """Cosines and sines of t at frequencies from 1 down to 1 / 10000; features must be even."""
    half = features // 2
    exponents = torch.arange(half, device=t.device, dtype=torch.float32) / half
    phase = t.float()[:, None] * torch.exp(-math.log(LARGEST_PERIOD) * exponents)  # (B, F/2)
    return torch.cat([phase.cos(), phase.sin()], dim=1)


class Modulation(nn.Module):
    """Scale and shift of each feature by the time; begins close to no change."""

    def __init__(self, features: int, time_features: int) -> None:
        super().__init__()
        self.scale_and_shift = nn.Sequential(
            nn.SiLU(), faint(nn.Linear(time_features, 2 * features))
        )

    def forward(
        self, m: Float[Tensor, "B F *S"], time: Float[Tensor, "B E"]
    ) -> Float[Tensor, "B F *S"]:
        both = self.scale_and_shift(time).view(len(time), -1, *[1] * (m.ndim - 2))
        scale, shift = both.chunk(2, dim=1)
        return m * (1 + scale) + shift


class ResidualBlock(nn.Module):
    """Twice GroupNorm, SiLU, convolution, around a shortcut; time is added after the first.

    Source: He et al. 2016 with pre-activation; MedSegDiff, section 3.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        time_features: int = 0,
        space_dims: int = 2,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.first = nn.Sequential(
            group_norm(inputs), nn.SiLU(), convolution(space_dims, inputs, outputs)
        )
        self.time = (
            nn.Sequential(nn.SiLU(), nn.Linear(time_features, outputs)) if time_features else None
        )
        self.second = nn.Sequential(
            group_norm(outputs),
            nn.SiLU(),
            nn.Dropout(dropout),
            convolution(space_dims, outputs, outputs),
        )
        self.shortcut = (
            convolution(space_dims, inputs, outputs, kernel=1)
            if inputs != outputs
            else nn.Identity()
        )

    def forward(
        self, m: Float[Tensor, "B F *S"], time: Float[Tensor, "B E"] | None = None
    ) -> Float[Tensor, "B G *S"]:
        h = self.first(m)  # (B, G, *S)
        if self.time is not None:
            assert time is not None, "this block was built to be told the level"
            h = h + self.time(time).view(len(time), -1, *[1] * (m.ndim - 2))
        return self.shortcut(m) + self.second(h)


class Stage(nn.Module):
    """Several residual blocks at one resolution, all given the time; then attention, if wished."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        blocks: int,
        time_features: int = 0,
        space_dims: int = 2,
        dropout: float = 0.0,
        attends: bool = False,
    ):
        super().__init__()
        widths = [inputs] + [outputs] * blocks
        self.blocks = nn.ModuleList(
            ResidualBlock(a, b, time_features, space_dims, dropout) for a, b in pairwise(widths)
        )
        self.attention = AttentionBlock(outputs) if attends else nn.Identity()

    def forward(
        self, m: Float[Tensor, "B F *S"], time: Float[Tensor, "B E"] | None = None
    ) -> Float[Tensor, "B G *S"]:
        for block in self.blocks:
            m = block(m, time)
        return self.attention(m)


class AttentionBlock(nn.Module):
    """LN, multi-head attention, residual; LN, feed-forward, residual, over all positions.

    Source: MedSegDiff, section 3; Vaswani et al. 2017.
    """

    def __init__(self, features: int, head_features: int = 32) -> None:
        super().__init__()
        most = max(1, features // head_features)
        self.heads = next(heads for heads in range(most, 0, -1) if features % heads == 0)
        self.norm_attention = nn.LayerNorm(features)
        self.query_key_value = nn.Linear(features, 3 * features)
        self.project = nn.Linear(features, features)
        self.norm_feed = nn.LayerNorm(features)
        self.feed = nn.Sequential(
            nn.Linear(features, 4 * features), nn.GELU(), nn.Linear(4 * features, features)
        )

    def forward(self, m: Float[Tensor, "B F *S"]) -> Float[Tensor, "B F *S"]:
        tokens = m.flatten(2).transpose(1, 2)  # (B, N, F)
        tokens = tokens + self.attend(self.norm_attention(tokens))
        tokens = tokens + self.feed(self.norm_feed(tokens))
        return tokens.transpose(1, 2).reshape(m.shape)

    def attend(self, tokens: Float[Tensor, "B N F"]) -> Float[Tensor, "B N F"]:
        """Multi-head self-attention."""
        batch, count, features = tokens.shape
        split = self.query_key_value(tokens).view(batch, count, 3, self.heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each (B, heads, N, F/heads)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.project(mixed.transpose(1, 2).reshape(batch, count, features))
