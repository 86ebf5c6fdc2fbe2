"""Noise that can be looked up: the same for any batch, order, file name, device or machine.

Every value is a function of (seed, content of the study, member, step, channel, voxel). Philox is a
counter-based generator that is specified bit by bit; sixteen of its bits choose one of 65536 normal
quantiles from a table, so that no logarithm or cosine of some processor has a say.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from statistics import NormalDist
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from medsegdiff.diffusion.philox import sixteen_bits

TABLE_BITS = 16
VALUES_PER_COUNTER = 16  # a Philox counter gives 4 words of 64 bits
ROUNDING = 2.0**20  # hides the last bits, in which mathematical libraries may differ


@runtime_checkable
class NoiseSource(Protocol):
    """Gives the noise of the next step for all members."""

    def __call__(self) -> Float[Tensor, "M K *S"]:
        """Standard normal, one field for each member and channel."""
        ...


class Noise:
    """The noise of one study: call it for the start of the chain, then for steps that want some.

    Args:
        digest: hash of the study's decoded native voxels.
        members: numbers of the members that are drawn together.
        seed: chosen by the user.
        shape: (K, *S) of one member's mask.
        window: the part of a larger field that is wanted; its noise is the field's own, whatever
            the window. None takes a field of the shape itself.
        device: where it is wanted; what is not a CPU computes it by itself, the same bits.
    """

    def __init__(
        self,
        digest: bytes,
        members: Sequence[int],
        seed: int,
        shape: Sequence[int],
        window: NoiseWindow | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.key = np.frombuffer(
            hashlib.blake2b(digest, digest_size=16, salt=_seed_bytes(seed)).digest(), dtype="<u8"
        )
        self.members = tuple(members)
        self.shape = tuple(shape)
        self.window = window
        self.step = 0

    def __call__(self) -> Float[Tensor, "M K *S"]:
        """Noise of the next step; float32, on the device."""
        step = self.step
        self.step += 1
        if self.device.type != "cpu":
            return self.computed(step)
        return torch.stack([self.field(member, step) for member in self.members])

    def computed(self, step: int) -> Float[Tensor, "M K *S"]:
        """Noise of all members at one step, in tensor operations on the device."""
        channels = range(self.shape[0])
        addresses = [(channel, member, step) for member in self.members for channel in channels]
        voxels = np.arange(prod(self.shape[1:])) if self.window is None else self.window.places()
        drawn = sixteen_bits(
            [int(word) for word in self.key],
            torch.tensor(addresses, device=self.device),
            torch.from_numpy(voxels).to(self.device),
        )
        quantiles = torch.from_numpy(normal_quantiles()).to(self.device)
        return quantiles[drawn].view(len(self.members), *self.shape)

    def field(self, member: int, step: int) -> Float[Tensor, "K *S"]:
        """Noise of one member at one step."""
        addresses = [(channel, member, step) for channel in range(self.shape[0])]
        if self.window is not None:
            values = [self.window.values(self.key, address) for address in addresses]
        else:
            voxels = prod(self.shape[1:])
            values = [standard_normal(self.key, address, voxels) for address in addresses]
        return torch.from_numpy(np.stack(values)).view(self.shape)


@dataclass(frozen=True)
class NoiseWindow:
    """A box in a field of noise, which may reach beyond the field: there, the field is mirrored.

    Args:
        field: voxels of the whole field along each axis, two or three.
        corner: the box's first voxel along each axis, possibly negative.
        size: voxels of the box.
    """

    field: tuple[int, ...]
    corner: tuple[int, ...]
    size: tuple[int, ...]

    def places(self) -> np.ndarray:
        """Where each voxel of the box lies in the field, counted row by row, (P,)."""
        axes = zip(self.field, self.corner, self.size, strict=True)
        inside = np.ix_(*(mirrored(n, first, length) for n, first, length in axes))
        return np.ravel_multi_index(np.broadcast_arrays(*inside), self.field).ravel()

    def values(self, key: np.ndarray, address: tuple[int, int, int]) -> np.ndarray:
        """Normal values of the stream at an address, in the box; shape `size`."""
        axes = zip(self.field, self.corner, self.size, strict=True)
        *depth, rows, columns = (mirrored(n, first, length) for n, first, length in axes)
        height, width = self.field[-2:]
        top, bottom = int(rows.min()), int(rows.max()) + 1
        planes = []
        for plane in depth[0] if depth else (0,):
            start = (int(plane) * height + top) * width
            found = standard_normal(key, address, (bottom - top) * width, start)
            planes.append(found.reshape(-1, width)[rows - top][:, columns])
        return np.stack(planes).reshape(self.size)


def mirrored(n: int, first: int, length: int) -> np.ndarray:
    """Places `first` and on along an axis of n voxels, turned back at its ends, (length,)."""
    places = np.arange(first, first + length) % (2 * n)
    return np.minimum(places, 2 * n - 1 - places)


def standard_normal(
    key: np.ndarray, address: tuple[int, int, int], count: int, start: int = 0
) -> np.ndarray:
    """Normal values `start` to `start + count` of the stream at an address, shape (count,)."""
    block, skipped = divmod(start, VALUES_PER_COUNTER)
    blocks = -(-(skipped + count) // VALUES_PER_COUNTER)
    generator = np.random.Philox(key=key, counter=np.array([block, *address], dtype=np.uint64))
    words = generator.random_raw(4 * blocks).astype("<u8").view("<u2")
    return normal_quantiles()[words[skipped : skipped + count]]


@lru_cache(maxsize=1)
def normal_quantiles() -> np.ndarray:
    """The 65536 quantiles of the standard normal at the middles of equal shares, float32."""
    half = 2 ** (TABLE_BITS - 1)
    normal = NormalDist()
    upper = np.array([normal.inv_cdf(0.5 + (i + 0.5) / (2 * half)) for i in range(half)])
    upper = np.round(upper * ROUNDING) / ROUNDING
    return np.concatenate([-upper[::-1], upper]).astype(np.float32)


def _seed_bytes(seed: int) -> bytes:
    return (seed % 2**64).to_bytes(8, "little")
