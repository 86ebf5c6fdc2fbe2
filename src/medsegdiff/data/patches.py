"""Windows on a study: boxes of voxels, drawn by chance for training or laid side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

VOXELS_OF_A_CLASS = 2**13  # places of a class that are remembered for drawing windows
MARGIN = 120  # percent: what is cut for a window that is turned and scaled before it is used
SHARPNESS = 8  # deviations of the window's Gaussian in its length, as in nnU-Net and MONAI


@dataclass(frozen=True)
class Window:
    """A box of voxels; it may reach beyond the study.

    Args:
        corner: its first voxel along each axis, possibly negative.
        size: voxels along each axis.
    """

    corner: tuple[int, ...]
    size: tuple[int, ...]

    def cut(self, values: Tensor) -> Tensor:
        """What it shows of values (..., *S); zeros beyond the study."""
        spans, pads = [], []
        for first, length, n in self._axes(values):
            inside = max(first, 0), min(first + length, n)
            spans.append(slice(*inside))
            pads.append((inside[0] - first, first + length - inside[1]))
        found = values[(..., *spans)]
        flat = [amount for pad in reversed(pads) for amount in pad]
        return functional.pad(found, flat) if any(flat) else found

    def inside(self, shape: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """The part within a study of this shape: where it lies in the study and in the window."""
        here, there = [], []
        for first, length, n in zip(self.corner, self.size, shape, strict=True):
            low, high = max(first, 0), min(first + length, n)
            here.append(slice(low, high))
            there.append(slice(low - first, high - first))
        return tuple(here), tuple(there)

    def _axes(self, values: Tensor) -> Iterator[tuple[int, int, int]]:
        yield from zip(
            self.corner, self.size, values.shape[values.ndim - len(self.size) :], strict=True
        )


def windows_over(
    shape: tuple[int, ...], size: tuple[int, ...], overlap: float
) -> list[list[Window]]:
    """Windows that cover a study, in rows: those of one row begin at the same place of an axis.

    The axis is the `row_axis`, so windows come in the order of their corners.

    Args:
        shape: voxels of the study.
        size: of a window; where it is longer than the study, it is centred on it.
        overlap: share of a window that the next one covers again, 0 to below 1.
    """
    starts = [_starts(n, length, overlap) for n, length in zip(shape, size, strict=True)]
    axis = row_axis(shape, size)
    before, after = starts[:axis], starts[axis + 1 :]
    return [
        [Window(corner, size) for corner in product(*before, [start], *after)]
        for start in starts[axis]
    ]


def row_axis(shape: tuple[int, ...], size: tuple[int, ...]) -> int:
    """The first axis along which a study is longer than a window; 0 if there is none."""
    longer = (n > length for n, length in zip(shape, size, strict=True))
    return next((axis for axis, is_longer in enumerate(longer) if is_longer), 0)


def window_weight(size: tuple[int, ...]) -> Float[Tensor, "*s"]:
    """How much each voxel of a window counts where windows overlap: most in the middle.

    Source: Isensee et al. 2021, nnU-Net: a Gaussian of an eighth of the window's length.
    """
    weight = torch.ones(())
    for length in size:
        place = torch.arange(length) - (length - 1) / 2
        weight = weight[..., None] * torch.exp(-0.5 * (place * SHARPNESS / length) ** 2)
    return weight.clamp_min(1e-4)


def drawn_window(
    shape: tuple[int, ...],
    size: tuple[int, ...],
    draws: Float[Tensor, "draws"],
    foreground: tuple[Int[Tensor, "_ axes"], ...] = (),
) -> Window:
    """A window by chance: anywhere within the study, or around a voxel of a class.

    Args:
        shape: voxels of the study.
        size: of the window.
        draws: from 0 to 1 (left out), one an axis, then one for the class and one for the voxel.
        foreground: places of each class; empty draws anywhere.
    """
    present = [voxels for voxels in foreground if len(voxels)]
    places, chosen, voxel = draws[:-2].tolist(), float(draws[-2]), float(draws[-1])
    corner = []
    for axis, (n, length) in enumerate(zip(shape, size, strict=True)):
        last = n - length
        if last <= 0:
            corner.append(last // 2)
            continue
        start = int(places[axis] * (last + 1))
        if present:
            mine = present[int(chosen * len(present))]
            centre = int(mine[int(voxel * len(mine)), axis])
            start = min(max(centre - int(places[axis] * length), 0), last)
        corner.append(start)
    return Window(tuple(corner), size)


@dataclass(frozen=True)
class WindowDraws:
    """Where the windows of a training batch lie, drawn before any study is looked at.

    Args:
        size: of the windows; larger than what the network sees where they are turned afterwards,
            so that no corner is empty.
        draws: see `drawn_window`; shape (B, axes + 2).
        forced: whether a row's window must hold foreground, where the study has any; shape (B,).
    """

    size: tuple[int, ...]
    draws: Float[Tensor, "B draws"]
    forced: Bool[Tensor, "B"]

    @classmethod
    def draw(
        cls, size: tuple[int, ...], rows: int, forced: int, generator: torch.Generator
    ) -> WindowDraws:
        """Draw for so many rows, of which `forced` must hold foreground.

        Which ones is drawn, too: a row's number has to do with its noise level (`draw_levels`).
        """
        larger = tuple(n if n == 1 else -(-n * MARGIN // 100) for n in size)
        draws = torch.rand((rows, len(size) + 2), generator=generator)
        return cls(larger, draws, torch.randperm(rows, generator=generator) < forced)

    def window(
        self, row: int, shape: tuple[int, ...], foreground: tuple[Int[Tensor, "_ axes"], ...]
    ) -> Window:
        """The window of one row on a study of this shape."""
        guide = foreground if self.forced[row] else ()
        return drawn_window(shape, self.size, self.draws[row], guide)


def central(values: Tensor, size: tuple[int, ...]) -> Tensor:
    """The middle of values (..., *S), of this size."""
    shape = values.shape[values.ndim - len(size) :]
    starts = [(n - length) // 2 for n, length in zip(shape, size, strict=True)]
    spans = (slice(one, one + length) for one, length in zip(starts, size, strict=True))
    return values[(..., *spans)]


def foreground_voxels(labels: Int[Tensor, "*S"]) -> tuple[Int[Tensor, "_ axes"], ...]:
    """Places of every class but the background, evenly spread over its voxels."""
    found = []
    for value in labels.unique().tolist():
        if value > 0:
            voxels = (labels == value).nonzero().int()
            found.append(voxels[:: -(-len(voxels) // VOXELS_OF_A_CLASS)].clone())
    return tuple(found)


def _starts(n: int, length: int, overlap: float) -> list[int]:
    """First voxels of windows along one axis, evenly spread from end to end."""
    last = n - length
    if last <= 0:
        return [last // 2]
    count = 1 + -(-last // max(1, round(length * (1 - overlap))))
    return [round(last * index / (count - 1)) for index in range(count)]
