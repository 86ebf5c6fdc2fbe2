"""Which studies make up a batch, and keeping decoded ones in bounded memory."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from threading import Lock

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medsegdiff.data.dataset import Dataset
from medsegdiff.data.patches import WindowDraws
from medsegdiff.data.preparation import Preparation, Prepared
from medsegdiff.errors import DataError

CACHE_BYTES = 2**30


def batch_indices(
    n: int,
    batch_size: int,
    step: int,
    seed: int,
    foreground: Sequence[int] = (),
    share: float = 0.0,
) -> list[int]:
    """Indices of the studies in one batch of an endless stream.

    The stream is one shuffling of all n studies after another, so batches are always full and
    nothing is dropped. It is a pure function of its arguments: a resumed training goes on where it
    stopped without any state. Where a share of foreground is asked for, so many rows of every batch
    come from a second stream, over the studies with foreground alone. They lie anywhere in the
    batch, for a row's number has to do with its noise level (`draw_levels`).

    Args:
        n: number of studies.
        batch_size: of every batch.
        step: number of the batch, from 0.
        seed: another seed, another order.
        foreground: indices of the studies with foreground.
        share: of the rows that come from these, 0 to 1, rounded up to whole rows.

    Source: Isensee et al. 2021, nnU-Net, where a third of the rows are sure to hold foreground.
    """
    forced = math.ceil(share * batch_size - 1e-9)  # 0.07 of 100 rows are 7
    rows = _rows(range(n), batch_size - forced, step, f"{seed}")
    if not forced:
        return rows
    rows += _rows(foreground, forced, step, f"{seed}/foreground")
    return [rows[place] for place in _shuffled(batch_size, f"{seed}/places/{step}")]


def _rows(studies: Sequence[int], count: int, step: int, key: str) -> list[int]:
    """Rows `step * count` and on of the endless stream over some studies."""
    n = len(studies)
    places = range(step * count, (step + 1) * count)
    return [studies[_shuffled(n, f"{key}/{place // n}")[place % n]] for place in places]


@lru_cache(maxsize=8)
def _shuffled(n: int, key: str) -> list[int]:
    """Order the indices by a hash: the same on every machine, with every library version."""
    start = blake2b(key.encode(), digest_size=16).digest()
    return sorted(
        range(n), key=lambda i: blake2b(i.to_bytes(8, "little"), key=start, digest_size=16).digest()
    )


class PreparedCache:
    """Prepared studies by name; the ones used last are kept in memory, up to a bound.

    Args:
        dataset: where the studies are.
        preparation: what is done to them.
        max_bytes: of the tensors kept.
    """

    def __init__(
        self, dataset: Dataset, preparation: Preparation, max_bytes: int = CACHE_BYTES
    ) -> None:
        self.dataset = dataset
        self.preparation = preparation
        self.max_bytes = max_bytes
        self.kept_bytes = 0
        self._kept: OrderedDict[str, Prepared] = OrderedDict()
        self._lock = Lock()

    def __getitem__(self, study: str) -> Prepared:
        with self._lock:
            if study in self._kept:
                self._kept.move_to_end(study)
                return self._kept[study]
        prepared = self.preparation.prepare(self.dataset.load(study))
        with self._lock:
            self._keep(study, prepared)
        return prepared

    def batch(
        self,
        studies: Sequence[str],
        draws: Float[Tensor, "B"] | None = None,
        windows: WindowDraws | None = None,
    ) -> tuple[Float[Tensor, "B C *S"], Int[Tensor, "B *S"]]:
        """Stack images and labels of annotated studies, or windows on them.

        Args:
            studies: their names, one a row.
            draws: from 0 to 1 (left out), one a row, to choose a rater's labels by; a study without
                raters keeps its own. None takes every study's own.
            windows: what is taken of each study; None takes it all.

        Raises:
            DataError: a study has no mask.
        """
        prepared = [self[study] for study in studies]
        found = [one.labels for one in prepared]
        if draws is not None:
            found = [drawn_labels(*row) for row in zip(prepared, draws.tolist(), strict=True)]
        labels = [one for one in found if one is not None]
        if len(labels) < len(prepared):
            missing = [study for study, one in zip(studies, found, strict=True) if one is None]
            raise DataError(
                f"No mask to train on for: {', '.join(missing[:5])}. Add masks of the same names."
            )
        images = [one.image for one in prepared]
        if windows is not None:
            images, labels = self._cut(prepared, labels, windows)
        return torch.stack(images), torch.stack(labels)

    def _cut(
        self, prepared: Sequence[Prepared], labels: Sequence[Tensor], windows: WindowDraws
    ) -> tuple[list[Tensor], list[Tensor]]:
        """A window on each study; one of a single slice has no depth."""
        images, masks = [], []
        for row, (one, mask) in enumerate(zip(prepared, labels, strict=True)):
            window = windows.window(row, tuple(mask.shape), one.foreground)
            images.append(window.cut(one.image))
            masks.append(window.cut(mask))
        if self.preparation.grid.sees_slices:
            return [one.squeeze(-3) for one in images], [one.squeeze(-3) for one in masks]
        return images, masks

    def with_foreground(self, studies: Sequence[str]) -> set[str]:
        """The studies whose mask outlines something on the network's grid; reads all.

        Raises:
            DataError: none does, or one cannot be read.
        """
        found = set()
        for study in studies:
            labels = self[study].labels
            if labels is not None and bool((labels > 0).any()):
                found.add(study)
        if not found:
            raise DataError(
                f"None of the {len(studies)} training studies has a mask that outlines "
                "anything, but train.foreground_share asks for some. Leave it out, or look at the "
                "masks with `medsegdiff verify`."
            )
        return found

    def check_raters(self, studies: Sequence[str]) -> None:
        """Refuse to draw raters where there are none.

        Raises:
            DataError: no study has a rater.
        """
        if not any(self.dataset.raters(study) for study in studies):
            raise DataError(
                f"None of the {len(studies)} training studies has masks of several raters "
                "(raters/<rater>/NAME.png), but train.raters asks for them. Leave it out to train "
                "on the masks."
            )

    def _keep(self, study: str, prepared: Prepared) -> None:
        if study in self._kept or prepared.size_bytes > self.max_bytes:
            return
        self._kept[study] = prepared
        self.kept_bytes += prepared.size_bytes
        while self.kept_bytes > self.max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self.kept_bytes -= oldest.size_bytes


def drawn_labels(prepared: Prepared, draw: float) -> Int[Tensor, "*S"] | None:
    """The labels of one of a study's raters, each as likely; its own where it has none.

    Args:
        prepared: the study.
        draw: from 0 to 1 (left out).
    """
    names = sorted(prepared.raters)
    return prepared.raters[names[int(draw * len(names))]] if names else prepared.labels
