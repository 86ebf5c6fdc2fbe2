"""The neural band-pass filter of MedSegDiff-V2: which frequencies of an affinity may pass, now.

(|f_q|, |f_k|) -> 1x1 -> [1x1 -> LN -> scale and shift by time -> SiLU] x n -> 1x1 -> sigmoid
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsegdiff.models.blocks import InFloat32, LayerNorm, Modulation, convolution

FILTER_FEATURES = 16
FILTER_BLOCKS = 2  # "a few"; the paper gives no number


class NBPFilter(InFloat32):
    """Share of each pair of frequencies that passes, 0 to 1, by their magnitudes and the level.

    It is a function of coordinates, made of 1x1 convolutions alone, so it is the same filter on
    any grid. It knows magnitudes only, so it treats f and -f alike, and what it filters stays
    real. It is computed once for each pair of different magnitudes, which are few, and read out
    for the rest.

    Source: Wu et al. 2023, MedSegDiff-V2, NBP-Filter.
    """

    def __init__(
        self, time_features: int, features: int = FILTER_FEATURES, blocks: int = FILTER_BLOCKS
    ) -> None:
        super().__init__()
        self.stem = convolution(2, 2, features, kernel=1)
        self.blocks = nn.ModuleList(FilterBlock(features, time_features) for _ in range(blocks))
        self.out = convolution(2, features, 1, kernel=1)

    def forward(
        self,
        query: Float[Tensor, " P"],
        key: Float[Tensor, " Q"],
        time: Float[Tensor, "B E"],
    ) -> Float[Tensor, "B P Q"]:
        """The band-pass map.

        Args:
            query: magnitude of each of the query's frequencies, 0 to 1 (see `magnitudes`).
            key: the same of the key.
            time: the embedded level.
        """
        rows, row_of = query.unique(return_inverse=True)
        columns, column_of = key.unique(return_inverse=True)
        pairs = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))  # (2, R, C)
        m = self.stem(pairs.to(time)[None]).expand(len(time), -1, -1, -1)  # (B, F, R, C)
        for block in self.blocks:
            m = block(m, time)
        band = self.out(m).sigmoid().squeeze(1)  # (B, R, C)
        return band.index_select(1, row_of.to(band.device)).index_select(
            2, column_of.to(band.device)
        )


class FilterBlock(nn.Module):
    """1x1 convolution, LN, scale and shift by the time, SiLU."""

    def __init__(self, features: int, time_features: int) -> None:
        super().__init__()
        self.mix = convolution(2, features, features, kernel=1)
        self.norm = LayerNorm(features)
        self.modulate = Modulation(features, time_features)
        self.activate = nn.SiLU()

    def forward(
        self, m: Float[Tensor, "B F R C"], time: Float[Tensor, "B E"]
    ) -> Float[Tensor, "B F R C"]:
        return self.activate(self.modulate(self.norm(self.mix(m)), time))


class AllPass(nn.Module):
    """The filter that is none: with it the affinity is the plain product of query and key."""

    def forward(
        self,
        query: Float[Tensor, " P"],
        key: Float[Tensor, " Q"],
        time: Float[Tensor, "B E"],
    ) -> Float[Tensor, "B P Q"]:
        return torch.ones(len(time), len(query), len(key), device=time.device, dtype=time.dtype)


def magnitudes(size: tuple[int, ...], is_half: bool) -> Float[Tensor, " N"]:
    """Length of each frequency of a grid in the order of the FFT; 0 is the mean, 1 the corner.

    Args:
        size: of the grid.
        is_half: of a real FFT, which has half of the last axis.
    """
    axes = [torch.fft.fftfreq(side) for side in size]
    if is_half:
        axes[-1] = torch.fft.rfftfreq(size[-1])
    squares = torch.stack(torch.meshgrid(*axes, indexing="ij")).square().sum(dim=0)  # (*S)
    return squares.sqrt().flatten() * 2 / math.sqrt(len(size))
