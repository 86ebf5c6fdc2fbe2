"""A residual U-Net on the image alone, with a mask head: baseline and condition network.

image -> stem -> [stage -> down] x n -> deepest stage -> [up -> + skip -> stage] x n -> head

A stem with a stride shrinks the grid for all stages; before the head, their finest features come
back to the full grid.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsegdiff.models.blocks import (
    Stage,
    StemStride,
    convolution,
    cropped,
    group_norm,
    resized,
    stem,
    unstemmed,
)
from medsegdiff.models.low_resolution import EVERYWHERE_ALIKE, LowResolution

SkipKind = Literal["sum", "concat"]


class ResidualUNet(nn.Module):
    """Encoder and decoder of residual blocks, joined by skip connections.

    Args:
        image_channels: C.
        mask_channels: K.
        widths: features at each resolution, finest first; the grid halves from one to the next.
        blocks: residual blocks in each encoder stage, possibly none; decoder stages have one.
        space_dims: 2 or 3.
        skips: how a decoder stage takes the encoder's features: added to what comes from below, or
            beside it, at twice the width and cost of its first convolution.
        low: extras of the coarse stages.
        stem_stride: how far the stem shrinks the grid.
    """

    def __init__(
        self,
        image_channels: int,
        mask_channels: int,
        widths: tuple[int, ...],
        blocks: tuple[int, ...],
        space_dims: int,
        skips: SkipKind,
        low: LowResolution = EVERYWHERE_ALIKE,
        stem_stride: StemStride = 1,
    ) -> None:
        super().__init__()
        self.skips = skips
        wider = 2 if skips == "concat" else 1
        self.stem = stem(space_dims, image_channels, widths[0], stem_stride)
        self.encoder = nn.ModuleList(
            Stage(w, w, n, 0, space_dims, low.dropout_at(k), low.attends_at(k))
            for k, (w, n) in enumerate(zip(widths, blocks, strict=True), start=1)
        )
        self.downs = nn.ModuleList(
            convolution(space_dims, a, b, stride=2) for a, b in pairwise(widths)
        )
        self.ups = nn.ModuleList(
            convolution(space_dims, b, a, kernel=1) for a, b in pairwise(widths)
        )
        self.decoder = nn.ModuleList(
            Stage(wider * w, w, 1, 0, space_dims, low.dropout_at(k), low.attends_at(k))
            for k, w in enumerate(widths[:-1], start=1)
        )
        self.finest = (
            unstemmed(space_dims, widths[0], widths[0], stem_stride) if stem_stride > 1 else None
        )
        self.feature_widths = widths if self.finest is None else (widths[0], *widths)
        self.head = nn.Sequential(
            group_norm(widths[0]),
            nn.SiLU(),
            convolution(space_dims, widths[0], mask_channels, kernel=1),
        )

    def forward(
        self, image: Float[Tensor, "B C *S"]
    ) -> tuple[tuple[Tensor, ...], Float[Tensor, "B K *S"]]:
        """Return features, those of the full grid first, and the mask's logits.

        How far each of the features is shrunk, `resolutions` says.
        """
        features = self.decode(self.encode(image))
        if self.finest is not None:
            features = (cropped(self.finest(features[0]), image.shape[2:]), *features)
        return features, self.head(features[0]).float()

    def encode(self, image: Float[Tensor, "B C *S"]) -> list[Tensor]:
        """Features after each encoder stage, finest first."""
        m = self.stem(image)
        skips = [self.encoder[0](m)]
        for down, stage in zip(self.downs, self.encoder[1:], strict=True):
            skips.append(stage(down(skips[-1])))
        return skips

    def decode(self, skips: list[Tensor]) -> tuple[Tensor, ...]:
        """Features after each decoder stage, finest first, with the deepest encoder stage last."""
        features = [skips[-1]]
        parts = zip(self.ups, self.decoder, skips[:-1], strict=True)
        for up, stage, skip in reversed(list(parts)):
            m = resized(up(features[0]), skip)
            joined = m + skip if self.skips == "sum" else torch.cat([m, skip], dim=1)
            features.insert(0, stage(joined))
        return tuple(features)


def resolutions(stages: int, stem_stride: StemStride) -> tuple[int, ...]:
    """How far each of the features of a `ResidualUNet` is shrunk, in the order it gives them."""
    shrunk = tuple(stem_stride * 2**stage for stage in range(stages))
    return shrunk if stem_stride == 1 else (1, *shrunk)


def check_stages(widths: tuple[int, ...], blocks: tuple[int, ...]) -> None:
    """Refuse settings in which the two lists do not speak of the same stages."""
    if len(widths) != len(blocks):
        raise ValueError(
            f"widths has {len(widths)} stages and blocks has {len(blocks)}: give each stage both"
        )
