"""What one step of training sees: images, masks and noise, each a function of the step's number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import torch
from jaxtyping import Float
from torch import Tensor

from medsegdiff.data import (
    Dataset,
    PreparedCache,
    WindowDraws,
    augment,
    batch_indices,
    central,
)
from medsegdiff.diffusion import NoiseDraw, Process
from medsegdiff.engine.config import ModelConfig, TrainConfig
from medsegdiff.engine.distributed import Team
from medsegdiff.models.blocks import channels_last
from medsegdiff.types import IGNORED

FORCED_SHARE = 1 / 3  # of the windows hold foreground where nothing is asked, as in nnU-Net


@dataclass(frozen=True)
class TrainingBatch:
    """One process's rows of a batch.

    Args:
        image: augmented, shape (B, C, *S).
        x_0: clean signals, shape (B, K, *S).
        draw: levels and noise.
        weight: of each voxel in the loss, shape (B, 1, *S); None where no label is ignored.
    """

    image: Float[Tensor, "B C *S"]
    x_0: Float[Tensor, "B K *S"]
    draw: NoiseDraw
    weight: Float[Tensor, "B 1 *S"] | None

    def __len__(self) -> int:
        return len(self.image)

    def mapped(self, change: Callable[[Tensor], Tensor]) -> TrainingBatch:
        """The same change of all tensors."""
        weight = None if self.weight is None else change(self.weight)
        return TrainingBatch(change(self.image), change(self.x_0), self.draw.mapped(change), weight)

    def to(self, device: torch.device) -> TrainingBatch:
        """On a device; from pinned memory the copy does not keep the processor waiting."""
        return self.mapped(lambda one: one.to(device, non_blocking=True))

    def parts(self, rows: int) -> Iterator[TrainingBatch]:
        """So many rows at a time."""
        for first in range(0, len(self), rows):
            yield self.mapped(lambda one, first=first: one[first : first + rows])


@dataclass(frozen=True)
class Turn:
    """What a row of a batch may show.

    Args:
        study: its name.
        draw: from 0 to 1 (left out), which of its raters' masks, where not chance says so.
    """

    study: str
    draw: float = 0.0


def turns_of(studies: Sequence[str], dataset: Dataset, is_each_rater: bool) -> list[Turn]:
    """What a pass over the data shows: each study once, or each of its raters' masks once."""
    turns: list[Turn] = []
    for study in studies:
        count = len(dataset.raters(study)) if is_each_rater else 0
        each = [Turn(study, (rater + 0.5) / count) for rater in range(count)]
        turns += each or [Turn(study)]
    return turns


class BatchMaker:
    """Makes the batches of a training; whichever is asked for first, each is the same.

    Args:
        studies: names of the training studies.
        cache: gives them prepared.
        model: what the weights mean.
        settings: how they are found.
        process: turns masks into signals.
        team: the processes that share the work.
        is_pinned: whether tensors are put where a GPU fetches them by itself.
    """

    def __init__(
        self,
        studies: Sequence[str],
        cache: PreparedCache,
        model: ModelConfig,
        settings: TrainConfig,
        process: Process,
        team: Team,
        is_pinned: bool = False,
    ) -> None:
        self.cache = cache
        self.labels = model.labels
        self.grid = model.preparation.grid
        self.settings = settings
        self.process = process
        self.team = team
        self.is_pinned = is_pinned
        if settings.raters != "consensus":
            cache.check_raters(studies)
        self.turns = turns_of(studies, cache.dataset, settings.raters == "all")
        is_guided = settings.foreground_share and not self.grid.is_tiled
        # windows find foreground in any study
        filled = cache.with_foreground(studies) if is_guided else set()
        self.foreground = [i for i, turn in enumerate(self.turns) if turn.study in filled]

    def names(self, number: int) -> list[str]:
        """The studies of batch `number`, of all processes."""
        return [turn.study for turn in self._turns(number)]

    def _turns(self, number: int) -> list[Turn]:
        """What the rows of batch `number` show, of all processes."""
        count, settings = len(self.turns), self.settings
        share = (settings.foreground_share or 0.0) if self.foreground else 0.0
        batch = batch_indices(
            count, settings.batch_size, number, settings.seed, self.foreground, share
        )
        return [self.turns[i] for i in batch]

    def make(self, number: int) -> TrainingBatch:
        """This process's rows of batch `number`: images augmented, and the noise to add.

        Raises:
            DataError: a study cannot be read, or has no mask.
        """
        turns = self._turns(number)
        names = [turn.study for turn in turns]
        generator = step_generator(self.settings.seed, number)
        draws = self._rater_draws(turns, generator)
        windows = self._windows(len(names), generator) if self.grid.is_tiled else None
        drawn = self.cache.batch(names, draws, windows)
        image, labels = augment(*drawn, self.settings.augmentation, generator)
        if windows is not None:
            image, labels = (central(one, self.grid.network_size) for one in (image, labels))
        x_0 = self.process.signal(labels)
        draw = NoiseDraw.draw(
            tuple(x_0.shape), self.process.last_level, self.settings.noise, generator
        )
        rows = self.team.rows(len(names))
        image = image[rows].contiguous(memory_format=channels_last(image))
        own = draw.mapped(lambda one: one[rows])
        batch = TrainingBatch(image, x_0[rows], own, self._weight(labels[rows]))
        return batch.mapped(Tensor.pin_memory) if self.is_pinned else batch

    def _rater_draws(
        self, turns: Sequence[Turn], generator: torch.Generator
    ) -> Float[Tensor, "B"] | None:
        """Which rater's mask each row shows; None where all show the study's own."""
        if self.settings.raters == "random":
            return torch.rand(len(turns), generator=generator)
        if self.settings.raters == "all":
            return torch.tensor([turn.draw for turn in turns])
        return None

    def _weight(self, labels: Tensor) -> Tensor | None:
        """0 where labels (B, *S) are ignored, else 1, shape (B, 1, *S); None where none can be."""
        if self.labels.ignored is None:
            return None
        return (labels != IGNORED).float().unsqueeze(1)

    def _windows(self, rows: int, generator: torch.Generator) -> WindowDraws:
        """Where this step's windows lie."""
        share = self.settings.foreground_share
        forced = math.ceil((FORCED_SHARE if share is None else share) * rows - 1e-9)
        return WindowDraws.draw(self.grid.size, rows, forced, generator)


def step_seed(seed: int, step: int) -> int:
    """The seed of one step."""
    return int.from_bytes(blake2b(f"{seed}/{step}".encode(), digest_size=7).digest(), "little")


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random stream of one step: augmentation, levels and noise."""
    return torch.Generator().manual_seed(step_seed(seed, step))
