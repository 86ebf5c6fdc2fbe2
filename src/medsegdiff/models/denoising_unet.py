"""The U-Net that knows the noise level, in parts: encoder, bottleneck, decoder, and all in one.

m -> [stage -> down] x n -> deepest stage -> bottleneck -> [up -> + skip -> stage] x n -> output
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsegdiff.models.blocks import (
    AttentionBlock,
    ResidualBlock,
    Stage,
    StemStride,
    convolution,
    group_norm,
    resized,
    unstemmed,
)
from medsegdiff.models.low_resolution import EVERYWHERE_ALIKE, LowResolution


class Size(NamedTuple):
    """Features and residual blocks at each resolution, finest first."""

    widths: tuple[int, ...]
    blocks: tuple[int, ...]

    def with_blocks(self, times: int) -> Size:
        """The same widths with so many times the blocks."""
        return Size(self.widths, tuple(times * count for count in self.blocks))


SIZES = {  # down-samplings at 256 by 256: S 4, B 5, L 6, ++ 6 (section 4.2 of the paper)
    "tiny": Size((8, 16, 16), (1, 1, 1)),
    "small": Size((16, 32, 64, 96, 128), (1, 1, 1, 1, 1)),
    "S": Size((64, 128, 256, 512, 512), (2, 3, 4, 6, 3)),  # stages as in ResNet34: 3, 4, 6, 3
    "B": Size((64, 128, 256, 512, 512, 512), (2, 3, 4, 6, 3, 3)),
    "L": Size((64, 128, 256, 512, 512, 512, 512), (2, 3, 4, 6, 3, 3, 3)),
    "++": Size((128, 256, 512, 512, 512, 512, 512), (2, 3, 4, 6, 3, 3, 3)),
}


class Encoder(nn.Module):
    """Residual stages, the grid halved before each but the first."""

    def __init__(
        self, size: Size, time: int, space_dims: int, low: LowResolution = EVERYWHERE_ALIKE
    ) -> None:
        super().__init__()
        self.downs = nn.ModuleList(
            convolution(space_dims, a, b, stride=2) for a, b in pairwise(size.widths)
        )
        self.stages = nn.ModuleList(
            Stage(w, w, n, time, space_dims, low.dropout_at(k), low.attends_at(k))
            for k, (w, n) in enumerate(zip(*size, strict=True), start=1)
        )

    def step(
        self, k: int, m: Float[Tensor, "B F *S"], time: Float[Tensor, "B E"]
    ) -> Float[Tensor, "B G *T"]:
        """Stage k, counted from 0."""
        return self.stages[k](m if k == 0 else self.downs[k - 1](m), time)


class Bottleneck(nn.Module):
    """Residual block, attention, residual block at the coarsest grid."""

    def __init__(self, features: int, time: int, space_dims: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.before = ResidualBlock(features, features, time, space_dims, dropout)
        self.attention = AttentionBlock(features)
        self.after = ResidualBlock(features, features, time, space_dims, dropout)

    def forward(
        self, m: Float[Tensor, "B F *S"], time: Float[Tensor, "B E"]
    ) -> Float[Tensor, "B F *S"]:
        return self.after(self.attention(self.before(m, time)), time)


class Decoder(nn.Module):
    """Back to the full grid, each stage joined with the encoders' features at its resolution.

    Args:
        widths: features at each resolution, finest first.
        mask_channels: K.
        time: features of the embedded level.
        space_dims: 2 or 3.
        low: extras of the coarse stages.
        stem_stride: how far the stem shrank the grid; the output is that many times finer.
    """

    def __init__(
        self,
        widths: tuple[int, ...],
        mask_channels: int,
        time: int,
        space_dims: int,
        low: LowResolution = EVERYWHERE_ALIKE,
        stem_stride: StemStride = 1,
    ) -> None:
        super().__init__()
        self.ups = nn.ModuleList(convolution(space_dims, b, a) for a, b in pairwise(widths))
        self.stages = nn.ModuleList(
            Stage(2 * w, w, 1, time, space_dims, low.dropout_at(k), low.attends_at(k))
            for k, w in enumerate(widths[:-1], start=1)
        )
        out = (
            convolution(space_dims, widths[0], mask_channels)
            if stem_stride == 1
            else unstemmed(space_dims, widths[0], mask_channels, stem_stride)
        )
        self.out = nn.Sequential(group_norm(widths[0]), nn.SiLU(), out)

    def forward(
        self, m: Tensor, skips: list[Tensor], time: Float[Tensor, "B E"]
    ) -> Float[Tensor, "B K *S"]:
        for up, stage, skip in reversed(list(zip(self.ups, self.stages, skips, strict=True))):
            m = stage(torch.cat([up(resized(m, skip)), skip], dim=1), time)
        return self.out(m).float()


class DenoisingUNet(nn.Module):
    """Encoder, bottleneck and decoder in a row: one path for the image and the noisy mask."""

    def __init__(self, size: Size, mask_channels: int, time: int, space_dims: int) -> None:
        super().__init__()
        self.encoder = Encoder(size, time, space_dims)
        self.deepest = Bottleneck(size.widths[-1], time, space_dims)
        self.decoder = Decoder(size.widths, mask_channels, time, space_dims)

    def forward(
        self, m: Float[Tensor, "B F *S"], time: Float[Tensor, "B E"]
    ) -> Float[Tensor, "B K *S"]:
        skips: list[Tensor] = []
        for k in range(len(self.encoder.stages)):
            m = self.encoder.step(k, m, time)
            skips.append(m)
        return self.decoder(self.deepest(skips.pop(), time), skips, time)
