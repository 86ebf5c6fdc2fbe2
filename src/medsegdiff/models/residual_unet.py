"""A residual U-Net on the image alone, with a mask head: baseline and condition network.

image -> stem -> [stage -> down] x n -> deepest stage -> [up -> + skip -> stage] x n -> head
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsegdiff.models.blocks import Stage, convolution, group_norm, resized
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
    ) -> None:
        super().__init__()
        self.skips = skips
        wider = 2 if skips == "concat" else 1
        self.stem = convolution(space_dims, image_channels, widths[0])
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
        self.head = nn.Sequential(
            group_norm(widths[0]),
            nn.SiLU(),
            convolution(space_dims, widths[0], mask_channels, kernel=1),
        )

    def forward(
        self, image: Float[Tensor, "B C *S"]
    ) -> tuple[tuple[Tensor, ...], Float[Tensor, "B K *S"]]:
        """Return the decoder's features, finest first, and the mask's logits."""
        skips = self.encode(image)
        features = self.decode(skips)
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


def check_stages(widths: tuple[int, ...], blocks: tuple[int, ...]) -> None:
    """Refuse settings in which the two lists do not speak of the same stages."""
    if len(widths) != len(blocks):
        raise ValueError(
            f"widths has {len(widths)} stages and blocks has {len(blocks)}: give each stage both"
        )
