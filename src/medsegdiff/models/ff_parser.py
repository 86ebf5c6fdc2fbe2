"""The FF-Parser: a learned filter in Fourier space that cleans noisy features.

m -> FFT -> times a learned complex map -> inverse FFT -> m'
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsegdiff.models.blocks import without_autocast

FILTER_SIDE = {
    2: 16,
    3: 8,
}  # stored frequencies along an axis; small, since the features already vary smoothly


class FFParser(nn.Module):
    """Learned complex filter over spatial frequencies, which damps the noise of x_t.

    Starts as the identity: every weight is 1 + 0i. Any grid: the filter is kept at one size and
    resampled in centred order, so that the constant stays the constant. The real FFT implies
    weights that are Hermitian: A(-f) = conj A(f), which keeps m' real. Runs in float32, also under
    autocast.

    Source: Wu et al. 2022, MedSegDiff, equations 4 to 6.
    """

    def __init__(self, features: int, space_dims: int = 2, side: int | None = None) -> None:
        super().__init__()
        side = side or FILTER_SIDE[space_dims]
        self.axes = tuple(range(2, 2 + space_dims))
        self.filter = nn.Parameter(
            identity_filter(features, side, space_dims)
        )  # (F, S, ..., S/2+1, 2)

    def forward(self, m: Float[Tensor, "B F *S"]) -> Float[Tensor, "B F *S"]:
        with without_autocast(m):
            size = m.shape[2:]
            spectrum = torch.fft.rfftn(
                m.float(), dim=self.axes, norm="ortho"
            )  # eq. 4: (B, F, ..., W/2+1)
            kept = spectrum * torch.view_as_complex(resampled(self.filter.float(), size))  # eq. 5
            out = torch.fft.irfftn(kept, s=size, dim=self.axes, norm="ortho")  # eq. 6: (B, F, *S)
        return out.to(m.dtype)


def identity_filter(features: int, side: int, space_dims: int) -> Float[Tensor, "F *S 2"]:
    """A filter that changes nothing, 1 + 0i; zero frequency at side // 2 of the full axes."""
    weights = torch.zeros(features, *[side] * (space_dims - 1), side // 2 + 1, 2)
    weights[..., 0] = 1
    return weights


def resampled(weights: Float[Tensor, "F *S 2"], size: tuple[int, ...]) -> Float[Tensor, "F *T 2"]:
    """The stored filter at the frequencies of an rfftn over a grid of this size, interpolated.

    Args:
        weights: stored in centred order along the full axes, zero frequency first along the last
            one.
        size: voxels of the grid along each axis.
    """
    side = 2 * (weights.shape[-2] - 1)
    for axis, length in enumerate(size):
        is_half = axis == len(size) - 1
        frequency = torch.fft.rfftfreq(length) if is_half else torch.fft.fftfreq(length)
        position = frequency.abs() * side if is_half else frequency * side + side // 2
        weights = interpolated(weights, position, axis + 1)
    return weights.contiguous()


def interpolated(weights: Tensor, position: Tensor, axis: int) -> Tensor:
    """Values between grid points along one axis; beyond the ends the last value holds."""
    last = weights.shape[axis] - 1
    position = position.clamp(0, last).to(weights)
    low = position.floor().long().clamp(max=max(last - 1, 0))
    share = (position - low).view(-1, *[1] * (weights.ndim - axis - 1))
    below = weights.index_select(axis, low)
    above = weights.index_select(axis, (low + 1).clamp(max=last))
    return below + share * (above - below)
