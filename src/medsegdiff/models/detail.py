"""From features of patches to a mask at full resolution, with the image's own features there."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from medsegdiff.models.blocks import convolution, cropped, faint, group_norm

DetailKind = Literal["blended", "patches", "convolution"]


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
        kind: "blended" gives a `BlendedDetail`, "patches" a `PatchDetail`, "convolution" a
            `ConvolvedDetail`.
        features: E, of each patch.
        fine: F, of the image at full resolution.
        mask_channels: K.
        patch: voxels of a patch along each axis.
        space_dims: 2 or 3.
    """
    if kind == "blended":
        return BlendedDetail(features, fine, mask_channels, patch, space_dims)
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
        self, m: Float[Tensor, "B E *T"], fine: Float[Tensor, "#B ..."], size: torch.Size
    ) -> Float[Tensor, "B K *S"]:
        """See `Detail.forward`."""
        grid = m.shape[2:]
        parts = self.shares(m).view(len(m), self.mask_channels, sum(self.parts), *grid)
        shares, own = parts.split(self.parts, dim=2)  # (B, K, F, *T) and (B, K, P, *T)
        added = cropped(unpatched(own.flatten(3), grid, self.patch), size)
        return self.followed(shares, fine.to(m.dtype), size) + added

    def followed(
        self, shares: Float[Tensor, "B K F *T"], fine: Float[Tensor, "#B ..."], size: torch.Size
    ) -> Float[Tensor, "B K *S"]:
        """The shares of each patch times the features at each of its voxels, summed."""
        if len(fine) == 1:  # shared by all members
            voxels = products(shares.flatten(3).permute(3, 0, 1, 2), fine[0])
        else:
            voxels = torch.einsum("bkfn,bnfp->bkpn", shares.flatten(3), fine)
        return cropped(unpatched(voxels, shares.shape[3:], self.patch), size)


class BlendedDetail(PatchDetail):
    """A `PatchDetail` whose shares change linearly from the centre of a patch to the next.

    So shares make no edges between patches. In training, each image has one x_t, and shares are
    interpolated to the full grid. In prediction many members share one image; there its features
    are weighted instead, once: in the cell between the centres of neighbouring patches,
    interpolation is a matrix product of the shares of all its corners with the features, each
    weighted by how close the corner is.
    """

    closeness: Tensor

    def __init__(
        self, features: int, fine: int, mask_channels: int, patch: int, space_dims: int
    ) -> None:
        super().__init__(features, fine, mask_channels, patch, space_dims)
        self.register_buffer("closeness", corner_weights(patch, space_dims), persistent=False)

    def prepared(
        self, fine: Float[Tensor, "B F *S"], like: Float[Tensor, "_ _ *T"]
    ) -> Float[Tensor, "B ..."]:
        """See `Detail.prepared`: in prediction, the weighted features of each of the N cells."""
        if len(fine) > 1 or torch.is_grad_enabled():
            return fine
        wide = functional.pad(fine, [self.patch // 2, 0] * (fine.ndim - 2))
        cells = patched(padded(wide, like, self.patch, more=1), self.patch)
        cells = cells.permute(0, 3, 1, 2).contiguous()  # (1, N, F, P)
        weighted = cells[:, :, None] * self.closeness[:, None].to(cells.dtype)
        return weighted.flatten(2)  # (1, N, corners F P): fewer axes than features on a grid

    def followed(
        self, shares: Float[Tensor, "B K F *T"], fine: Float[Tensor, "#B ..."], size: torch.Size
    ) -> Float[Tensor, "B K *S"]:
        """See `PatchDetail.followed`."""
        if fine.ndim == 3:
            return self.followed_in_cells(shares, fine[0], size)
        full = cropped(enlarged(shares.flatten(1, 2), self.patch), size)
        return (full.unflatten(1, shares.shape[1:3]) * fine[:, None]).sum(dim=2)

    def followed_in_cells(
        self, shares: Float[Tensor, "B K F *T"], fine: Float[Tensor, "N GP"], size: torch.Size
    ) -> Float[Tensor, "B K *S"]:
        """The same by cells, whose features were weighted before; the first begins outside."""
        corners = at_corners(shares)
        voxels = products(corners, fine.unflatten(1, (corners.shape[-1], -1)))
        cells = torch.Size(count + 1 for count in shares.shape[3:])
        whole = unpatched(voxels, cells, self.patch)
        return cropped(whole, size, self.patch // 2)


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


def corner_weights(patch: int, space_dims: int) -> Float[Tensor, "corners P"]:
    """Weights of linear interpolation between the corners of a cell, at each of its voxels."""
    between = linear_weights(2, patch)[patch // 2 : patch // 2 + patch]  # of two neighbours
    weights = along = between.T  # (2, patch)
    for _ in range(space_dims - 1):
        weights = torch.einsum("ap,bq->abpq", weights, along).flatten(2).flatten(0, 1)
    return weights


def at_corners(shares: Float[Tensor, "B K F *T"]) -> Float[Tensor, "N B K G"]:
    """Shares at all corners of each cell, which are the centres of the patches around it.

    Cells at the border have the nearest patches in place of those that lie outside.
    """
    dims = shares.ndim - 3
    wide = shares.permute(*range(3, shares.ndim), 0, 1, 2)
    for axis in range(dims):
        first, last = wide.narrow(axis, 0, 1), wide.narrow(axis, -1, 1)
        wide = torch.cat([first, wide, last], dim=axis)
    sides = itertools.product((slice(None, -1), slice(1, None)), repeat=dims)
    return torch.cat([wide[side] for side in sides], dim=-1).flatten(0, dims - 1)


def products(
    shares: Float[Tensor, "N B K G"], features: Float[Tensor, "N G P"]
) -> Float[Tensor, "B K P N"]:
    """The matrix product of each place; of contiguous factors, or torch goes place by place."""
    rows = shares.contiguous().flatten(1, 2)
    return torch.bmm(rows, features).unflatten(1, shares.shape[1:3]).permute(1, 2, 3, 0)


def enlarged(m: Float[Tensor, "B F *T"], patch: int) -> Float[Tensor, "B F *U"]:
    """Linear interpolation from the centres of patches to all their voxels.

    By matrix products, whose gradients cost a processor less than those of `interpolate`.
    """
    m = m @ linear_weights(m.shape[-1], patch, m.device).to(m.dtype).T
    for axis in reversed(range(2, m.ndim - 1)):
        rest = m.shape[axis + 1 :]
        weights = linear_weights(m.shape[axis], patch, m.device).to(m.dtype)
        m = (weights @ m.flatten(axis + 1)).unflatten(-1, rest)
    return m


def linear_weights(
    count: int, patch: int, device: torch.device | None = None
) -> Float[Tensor, "long count"]:
    """What each of `count` patches in a row gives to each of their voxels."""
    voxels, centres = (torch.arange(n, device=device) for n in (count * patch, count))
    places = ((voxels + 0.5) / patch - 0.5).clamp(0, count - 1)
    return (1 - (places[:, None] - centres).abs()).clamp_min(0)


def padded(
    m: Float[Tensor, "B F *S"], like: Float[Tensor, "_ _ *T"], patch: int, more: int = 0
) -> Float[Tensor, "B F *U"]:
    """Zeros at the ends of the grid, so that it has as many whole patches as another has voxels.

    Args:
        m: what is to grow.
        like: has as many voxels along each axis as there shall be patches.
        patch: voxels of a patch along each axis.
        more: patches along each axis beyond those.
    """
    short = [
        patch * (want + more) - have for want, have in zip(like.shape[2:], m.shape[2:], strict=True)
    ]
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
