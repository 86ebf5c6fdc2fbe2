"""Prediction through windows: members of each window, blended where windows overlap, and fused.

    window -> members (M, K, *window) --\
    window -> members ------------------+-> slab of weighted sums -> finished rows -> fused
    ...                                 /   (M, K, depth, ...)        (K, rows, ...)

One slab of windows is held in memory, never M x K numbers for each voxel of the study, and its
finished rows are fused a few at a time. It is as thick as a window along the first axis on which
the study is longer than that. A member is one member everywhere: its noise is keyed by
the voxel, so windows agree on it where they overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from math import prod

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from medsegdiff.data import Prepared, Window, row_axis, window_weight, windows_over
from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.member_cut import MemberCut
from medsegdiff.engine.members import draw_members
from medsegdiff.engine.step_count import StepCount, steps_of_a_view
from medsegdiff.engine.view import View
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import ConfigError
from medsegdiff.types import Fused, MaskCoding

VOXELS_AT_ONCE = 2**18  # of finished rows, which are held once more for each member and class


def blended(
    folds: Sequence[Prepared],
    model: TrainedModel,
    config: PredictConfig,
    cut: MemberCut,
    count: StepCount,
) -> tuple[Fused, Integer[Tensor, "M *S"]]:
    """Draw and fuse the members of a study window by window, on the grid that the windows lie on.

    Args:
        folds: the study as each network is given it, all on one grid.
        model: trained weights.
        config: sampler, members, ensemble, overlap and seed.
        cut: makes labels of a member's probability.
        count: of the steps.

    Returns:
        What the members make together, and the labels of each, uint8 where that holds all classes.

    Raises:
        ConfigError: an ensemble that must see whole masks at once.
    """
    grid, shape = model.config.preparation.grid, tuple(folds[0].image.shape[1:])
    if config.ensemble.sees_whole_masks:
        raise ConfigError(
            "This ensemble looks at whole masks at once, but the model looks at studies through "
            "windows. Choose another, for example predict.ensemble=mean."
        )
    rows = windows_over(shape, grid.size, config.overlap)
    count.begin(sum(map(len, rows)) * steps_of_a_view(model, config))
    slab = Slab(shape, grid.size)
    result = Result(shape, model.config.coding, slab.axis)
    for row, following in zip_longest(rows, rows[1:]):
        for window in row:
            views = [View.through(one, window, grid.sees_slices) for one in folds]
            slab.add(window, *draw_members(views, model, config, count))
        end = shape[slab.axis] if following is None else following[0].corner[slab.axis]
        for first, members, head in slab.finished(end):
            fused = config.ensemble(members, head, cut.coding, cut.temperature)
            result.add(first, fused, cut.all(members))
    del slab
    return result.fused(), result.members


class Slab:
    """Weighted sums over the windows of one row, and of those before that reach into it.

    Args:
        shape: voxels of the study.
        size: of a window.
    """

    def __init__(self, shape: tuple[int, ...], size: tuple[int, ...]) -> None:
        self.first = 0
        self.axis = row_axis(shape, size)
        depth = min(size[self.axis], shape[self.axis])
        self.held = (*shape[: self.axis], depth, *shape[self.axis + 1 :])
        self.shape, self.weight = shape, window_weight(size)
        self.weights = torch.zeros(self.held)
        self.sums: Tensor | None = None  # (M or M + 1 with the head, K, *held)
        self.has_head = False

    def add(
        self,
        window: Window,
        members: Float[Tensor, "M K *s"],
        head: Float[Tensor, "K *s"] | None,
    ) -> None:
        """Add a window's members, and the condition head where there is one."""
        self.has_head = head is not None
        drawn = members if head is None else torch.cat([members, head[None]])
        drawn = drawn.reshape(*drawn.shape[:2], *window.size)  # a slice gets its depth back
        if self.sums is None:
            self.sums = torch.zeros(*drawn.shape[:2], *self.held)
        inside, there = window.inside(self.shape)
        here = list(inside)
        along = inside[self.axis]
        here[self.axis] = slice(along.start - self.first, along.stop - self.first)
        weight = self.weight[there]
        self.sums[(..., *here)] += drawn[(..., *there)] * weight
        self.weights[tuple(here)] += weight

    def finished(
        self, end: int
    ) -> Iterator[tuple[int, Float[Tensor, "M K *s"], Float[Tensor, "K *s"] | None]]:
        """The means of the rows before `end`, which no later window reaches; the rest is kept.

        Yields:
            A few rows at a time: the first one's number, the members, and the head if there is one.
        """
        assert self.sums is not None
        at_once = max(1, VOXELS_AT_ONCE * self.shape[self.axis] // prod(self.shape))
        for first in range(self.first, end, at_once):
            rows = _rows(first - self.first, min(first + at_once, end) - self.first, self.axis)
            means = self.sums[(slice(None), slice(None), *rows)] / self.weights[rows]
            yield (first, means[:-1], means[-1]) if self.has_head else (first, means, None)
        _move_on(self.sums, end - self.first, axis=2 + self.axis)
        _move_on(self.weights, end - self.first, self.axis)
        self.first = end


class Result:
    """The finished rows of a study, one after the other.

    Args:
        shape: voxels of the study.
        coding: what the channels are.
        axis: along which the rows follow each other.
    """

    def __init__(self, shape: tuple[int, ...], coding: MaskCoding, axis: int) -> None:
        self.shape, self.coding, self.axis = shape, coding, axis
        self.kind = torch.uint8 if coding.classes <= 2**8 else torch.int16
        self.maps: list[Tensor] = []  # probability (K), entropy, mutual information
        self.members = torch.empty(0, *shape, dtype=self.kind)

    def add(self, first: int, fused: Fused, members: Sequence[Integer[Tensor, "*s"]]) -> None:
        """Put the rows from `first` on in their place."""
        extra = (fused.uncertainty[None], fused.mutual_information[None])
        found = (fused.probability, *extra)
        if not self.maps:
            self.maps = [torch.empty(len(one), *self.shape) for one in found]
            self.members = torch.empty(len(members), *self.shape, dtype=self.kind)
        rows = _rows(first, first + found[0].shape[1 + self.axis], self.axis)
        for kept, one in zip(self.maps, found, strict=True):
            kept[(slice(None), *rows)] = one
        for kept, one in zip(self.members, members, strict=True):
            kept[rows] = one.to(self.kind)

    def fused(self) -> Fused:
        """All rows together."""
        probability, entropy, information = self.maps
        return Fused(probability, entropy[0], information[0])


def _rows(first: int, stop: int, axis: int) -> tuple[slice, ...]:
    """The index of some rows along an axis."""
    return (*[slice(None)] * axis, slice(first, stop))


def _move_on(values: Tensor, count: int, axis: int) -> None:
    """Drop the first rows along an axis, and end with as many zeros; in place, row by row."""
    rows = values.unbind(axis)
    for here, there in zip(rows, rows[count:], strict=False):
        here.copy_(there)
    for emptied in rows[max(0, len(rows) - count) :]:
        emptied.zero_()
