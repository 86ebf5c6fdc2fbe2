"""Which studies make up a batch, and keeping decoded ones in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from threading import Lock

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medsegdiff.data.dataset import Dataset
from medsegdiff.data.preparation import Preparation, Prepared
from medsegdiff.errors import DataError

CACHE_BYTES = 2**30


def batch_indices(n: int, batch_size: int, step: int, seed: int) -> list[int]:
    """Indices of the studies in one batch of an endless stream.

    The stream is one shuffling of all n studies after another, so batches are always full and
    nothing is dropped. It is a pure function of its arguments: a resumed training goes on where it
    stopped without any state.

    Args:
        n: number of studies.
        batch_size: of every batch.
        step: number of the batch, from 0.
        seed: another seed, another order.
    """
    places = range(step * batch_size, (step + 1) * batch_size)
    return [_shuffled(n, place // n, seed)[place % n] for place in places]


@lru_cache(maxsize=8)
def _shuffled(n: int, epoch: int, seed: int) -> list[int]:
    """Order the indices by a hash: the same on every machine, with every library version."""
    start = blake2b(f"{seed}/{epoch}".encode(), digest_size=16).digest()
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

    def batch(self, studies: Sequence[str]) -> tuple[Float[Tensor, "B C *S"], Int[Tensor, "B *S"]]:
        """Stack images and labels of annotated studies.

        Raises:
            DataError: a study has no mask.
        """
        prepared = [self[study] for study in studies]
        labels = [one.labels for one in prepared if one.labels is not None]
        if len(labels) < len(prepared):
            missing = [one.study for one in prepared if one.labels is None]
            raise DataError(
                f"No mask to train on for: {', '.join(missing[:5])}. Add masks of the same names."
            )
        return torch.stack([one.image for one in prepared]), torch.stack(labels)

    def _keep(self, study: str, prepared: Prepared) -> None:
        if study in self._kept or prepared.size_bytes > self.max_bytes:
            return
        self._kept[study] = prepared
        self.kept_bytes += prepared.size_bytes
        while self.kept_bytes > self.max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self.kept_bytes -= oldest.size_bytes
