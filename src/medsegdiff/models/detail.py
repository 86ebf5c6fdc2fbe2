"""From features of patches to a mask at full resolution, with the image's own features there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from medsegdiff.models.blocks import convolution, faint, group_norm

DetailKind = Literal["patches", "convolution"]


class Detail(nn.Module, ABC):
    """The last layer of a denoiser that works on patches.

    Its cost is paid for every member and step at full resolution, so it should do little there.
    """

    @abstractmethod
    def prepared(
        self, fine: Float[Tensor, "B F *S"], like: Float[Tensor, "_ _ *T"]
    ) -> Float[Tensor, "B ..."]:
        """The image's features as `forward` wants them: once for all members and steps.

        Args:
            fine: at full resolution.
            like: some features on the grid of the patches.
        """

    @abstractmethod
    def forward(
        self, m: Float[Tensor, "B E *T"], fine: Float[Tensor, "#B ..."], size: torch.Size
    ) -> Float[Tensor, "B K *S"]:
        """The mask on a grid of this size, from features of patches and what was prepared."""


def detail_of(
    kind: DetailKind, features: int, fine: int, mask_channels: int, patch: int, space_dims: int
) -> Detail:
    """The module of that kind.

    Args:
        kind: "patches" gives a `PatchDetail`, "convolution" a `ConvolvedDetail`.
        features: E, of each patch.
        fine: F, of the image at full resolution.
        mask_channels: K.
        patch: voxels of a patch along each axis.
        space_dims: 2 or 3.
    """
    if kind == "patches":
        return PatchDetail(features, fine, mask_channels, patch, space_dims)
    return ConvolvedDetail(features, fine, mask_channels, space_dims)


class PatchDetail(Detail):
    """Each patch takes its own share of each of the image's features, and adds voxels of its own.

        mask(voxel) = sum over f of share_f(patch) * fine_f(voxel) + own_voxel(patch)

    The image says where the edges lie, the member which of them it follows. All that is convolved
    lies on the grid of the patches; at full resolution there is one small matrix product a patch.
    """

    def __init__(
        self, features: int, fine: int, mask_channels: int, patch: int, space_dims: int
    ) -> None:
        super().__init__()
        self.patch, self.mask_channels = patch, mask_channels
        self.parts = (fine, patch**space_dims)  # F shares and P voxels, of each mask channel
        self.shares = nn.Sequential(
            group_norm(features),
            nn.SiLU(),
            faint(convolution(space_dims, features, mask_channels * sum(self.parts))),
        )

    def prepared(
        self, fine: Float[Tensor, "B F *S"], like: Float[Tensor, "_ _ *T"]
    ) -> Float[Tensor, "B N F P"]:
        """See `Detail.prepared`: the features of each of the N patches."""
        whole = padded(fine, like, self.patch)
        return patched(whole, self.patch).permute(0, 3, 1, 2).contiguous()

    def forward(
        self, m: Float[Tensor, "B E *T"], fine: Float[Tensor, "#B N F P"], size: torch.Size
    ) -> Float[Tensor, "B K *S"]:
        """See `Detail.forward`."""
        parts = self.shares(m).view(len(m), self.mask_channels, sum(self.parts), -1)
        shares, own = parts.split(self.parts, dim=2)  # (B, K, F, N) and (B, K, P, N)
        fine = fine.to(m.dtype)
        if len(fine) == 1:  # shared by all members
            followed = torch.einsum("bkfn,nfp->bkpn", shares, fine[0])
        else:
            followed = torch.einsum("bkfn,bnfp->bkpn", shares, fine)
        whole = unpatched(followed + own, m.shape[2:], self.patch)
        return whole[(..., *(slice(length) for length in size))]


class ConvolvedDetail(Detail):
    """Features are interpolated to the full grid, added to the image's, and convolved there."""

    def __init__(self, features: int, fine: int, mask_channels: int, space_dims: int) -> None:
        super().__init__()
        self.to_fine = convolution(space_dims, features, fine, kernel=1)
        self.fine = nn.Sequential(
            group_norm(fine), nn.SiLU(), convolution(space_dims, fine, fine), nn.SiLU()
        )
        self.out = faint(convolution(space_dims, fine, mask_channels, kernel=1))

    def prepared(
        self, fine: Float[Tensor, "B F *S"], like: Float[Tensor, "_ _ *T"]
    ) -> Float[Tensor, "B F *S"]:
        """See `Detail.prepared`."""
        return fine

    def forward(
        self, m: Float[Tensor, "B E *T"], fine: Float[Tensor, "#B F *S"], size: torch.Size
    ) -> Float[Tensor, "B K *S"]:
        """See `Detail.forward`."""
        mode = "bilinear" if m.ndim == 4 else "trilinear"
        full = functional.interpolate(self.to_fine(m), size=size, mode=mode, align_corners=False)
        return self.out(self.fine(full + fine))


def padded(
    m: Float[Tensor, "B F *S"], like: Float[Tensor, "_ _ *T"], patch: int
) -> Float[Tensor, "B F *U"]:
    """Zeros at the ends of the grid, so that it has as many whole patches as another has voxels."""
    short = [patch * want - have for want, have in zip(like.shape[2:], m.shape[2:], strict=True)]
    return functional.pad(m, [pad for amount in reversed(short) for pad in (0, amount)])


def patched(m: Float[Tensor, "B F *S"], patch: int) -> Float[Tensor, "B F P N"]:
    """The P voxels of each of the N patches of a grid."""
    grid = [length // patch for length in m.shape[2:]]
    split = m.reshape(*m.shape[:2], *(part for count in grid for part in (count, patch)))
    counts = range(2, split.ndim, 2)
    inside = range(3, split.ndim, 2)
    return split.permute(0, 1, *inside, *counts).reshape(*m.shape[:2], patch ** len(grid), -1)


def unpatched(
    parts: Float[Tensor, "B K P N"], grid: torch.Size, patch: int
) -> Float[Tensor, "B K *S"]:
    """The reverse of `patched`; `grid` is the number of patches along each axis."""
    dims = len(grid)
    split = parts.reshape(*parts.shape[:2], *[patch] * dims, *grid)
    order = [axis for i in range(dims) for axis in (2 + dims + i, 2 + i)]
    return split.permute(0, 1, *order).reshape(*parts.shape[:2], *(n * patch for n in grid))
