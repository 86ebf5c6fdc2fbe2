"""One step of training, and nothing about files, budgets or validation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b

import torch
from torch import Tensor

from medsegdiff.data import PreparedCache, WindowDraws, augment, batch_indices, central
from medsegdiff.diffusion import NoiseDraw, Process, cross_entropy_and_dice, diffusion_loss
from medsegdiff.engine.config import ModelConfig, TrainConfig
from medsegdiff.engine.distributed import Team
from medsegdiff.engine.ema import AveragedWeights
from medsegdiff.engine.precision import autocast
from medsegdiff.errors import NumericalError
from medsegdiff.models import Condition, SegmentationNetwork
from medsegdiff.types import IGNORED

FORCED_SHARE = 1 / 3  # of the windows hold foreground where nothing is asked, as in nnU-Net
MOST_FAILURES = 3  # steps in a row whose loss or gradient is not finite


class Trainer:
    """A network with its optimiser and averaged weights.

    Args:
        network: on its device.
        model: what the weights mean.
        settings: how they are found.
        studies: names of the training studies.
        cache: gives them prepared.
        team: the processes that share the work.
    """

    def __init__(
        self,
        network: SegmentationNetwork,
        model: ModelConfig,
        settings: TrainConfig,
        studies: Sequence[str],
        cache: PreparedCache,
        team: Team,
    ) -> None:
        self.network = network
        self.model = model
        self.settings = settings
        self.studies = studies
        self.cache = cache
        self.grid = model.preparation.grid
        share = settings.foreground_share
        is_guided = share and not self.grid.is_tiled  # windows find foreground in any study
        self.foreground = cache.with_foreground(studies) if is_guided else []
        if settings.raters == "random":
            cache.check_raters(studies)
        self.team = team
        self.process = Process(model.process, model.grid_size, model.coding)
        self.device = next(network.parameters()).device
        self.averaged = AveragedWeights(network, settings.ema_decay)
        self.optimizer = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.failures = 0

    def step(self, number: int, total: int) -> float:
        """Train on batch `number` of `total`; a pure function of the weights and the number.

        Returns:
            The loss of the whole batch; nan if it was not finite and the weights were left as they
            are.

        Raises:
            NumericalError: that happened several times in a row; names the studies.
        """
        names = self.names(number)
        image, x_0, draw, weight = self.batch(names, number)
        rate = learning_rate(number, total, self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        with drawn_from(step_seed(self.settings.seed, number), self.device):  # dropout
            loss = self.loss(image, x_0, draw, weight, number)
        loss.backward()
        self.team.average_gradients(self.network)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        loss = self.team.average(loss.detach())
        if not bool(torch.isfinite(loss) & torch.isfinite(norm)):
            return self.refuse(number, names)
        self.failures = 0
        self.optimizer.step()
        self.averaged.update(self.network)
        return float(loss)

    def names(self, number: int) -> list[str]:
        """The studies of batch `number`."""
        count, settings = len(self.studies), self.settings
        share = (settings.foreground_share or 0.0) if self.foreground else 0.0
        batch = batch_indices(
            count, settings.batch_size, number, settings.seed, self.foreground, share
        )
        return [self.studies[i] for i in batch]

    def batch(
        self, names: Sequence[str], number: int
    ) -> tuple[Tensor, Tensor, NoiseDraw, Tensor | None]:
        """This process's rows of a batch: augmented images, clean signals, and the noise to add.

        Last comes the weight of each voxel in the loss; None where no label is ignored.
        """
        generator = step_generator(self.settings.seed, number)
        is_random = self.settings.raters == "random"
        draws = torch.rand(len(names), generator=generator) if is_random else None
        windows = self.windows(len(names), generator) if self.grid.is_tiled else None
        drawn = self.cache.batch(names, draws, windows)
        image, labels = augment(*drawn, self.settings.augmentation, generator)
        if windows is not None:
            image, labels = (central(one, self.grid.network_size) for one in (image, labels))
        x_0 = self.process.signal(labels)
        draw = NoiseDraw.draw(
            tuple(x_0.shape), self.process.last_level, self.settings.noise, generator
        )
        rows = self.team.rows(len(names))
        image = image[rows].to(self.device, memory_format=memory_format(image))
        weight = self.weight(labels[rows])
        return image, x_0[rows].to(self.device), draw.rows(rows, self.device), weight

    def weight(self, labels: Tensor) -> Tensor | None:
        """0 where labels (B, *S) are ignored, else 1, shape (B, 1, *S); None where none can be."""
        if self.model.labels.ignored is None:
            return None
        return (labels != IGNORED).float().unsqueeze(1).to(self.device)

    def windows(self, rows: int, generator: torch.Generator) -> WindowDraws:
        """Where this step's windows lie."""
        share = self.settings.foreground_share
        forced = math.ceil((FORCED_SHARE if share is None else share) * rows - 1e-9)
        return WindowDraws.draw(self.grid.size, rows, forced, generator)

    def loss(
        self,
        image: Tensor,
        x_0: Tensor,
        draw: NoiseDraw,
        weight: Tensor | None = None,
        number: int = 0,
    ) -> Tensor:
        """Loss of the diffusion plus, where it is its turn, that of the condition head."""
        with autocast(self.settings.precision, self.device):
            condition = self.network.condition(image)
        loss = x_0.new_zeros(())
        head = self.settings.head
        is_its_turn = number % head.every == 0 or not self.network.denoises
        if condition.logits is not None and is_its_turn:
            truth = self.process.probability(x_0)
            own = cross_entropy_and_dice(
                condition.logits, truth, self.model.coding, head.cross_entropy, weight
            )
            loss = loss + head.weight * own.mean()
        if self.network.denoises:
            seen = condition.with_gradient(self.settings.condition_gradient)
            loss = loss + self.denoising_loss(seen, x_0, draw, weight).mean()
        return loss

    def denoising_loss(
        self, condition: Condition, x_0: Tensor, draw: NoiseDraw, weight: Tensor | None
    ) -> Tensor:
        """Loss of each row of the diffusion."""

        def bound(x_t: Tensor, t: Tensor) -> Tensor:
            with autocast(self.settings.precision, self.device):
                return self.network.denoise(x_t, t, condition)

        return diffusion_loss(bound, x_0, draw, self.process, self.model.objective, weight)

    def refuse(self, number: int, names: Sequence[str]) -> float:
        """Leave the weights as they are; give up after several failures in a row."""
        self.failures += 1
        if self.failures >= MOST_FAILURES:
            raise NumericalError(
                f"The loss was not finite {MOST_FAILURES} times in a row, last at step "
                f"{number + 1} on the studies {', '.join(names)}. Nothing of it was saved. Look at "
                "these studies with `medsegdiff verify`, or lower train.learning_rate (now "
                f"{self.settings.learning_rate})."
            )
        return math.nan


def step_seed(seed: int, step: int) -> int:
    """The seed of one step."""
    return int.from_bytes(blake2b(f"{seed}/{step}".encode(), digest_size=7).digest(), "little")


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random stream of one step: augmentation, levels and noise."""
    return torch.Generator().manual_seed(step_seed(seed, step))


@contextmanager
def drawn_from(seed: int, device: torch.device) -> Iterator[None]:
    """Let what draws from torch's global random state begin at a seed; it stays as it was."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def learning_rate(step: int, total: int, settings: TrainConfig) -> float:
    """Linear warm-up, then a cosine to zero."""
    warm_up = max(1, round(settings.warm_up * total))
    if step < warm_up:
        return settings.learning_rate * (step + 1) / warm_up
    done = (step - warm_up) / max(1, total - warm_up)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def memory_format(image: Tensor) -> torch.memory_format:
    """Channels last: the layout in which convolutions are fastest."""
    return torch.channels_last if image.ndim == 4 else torch.channels_last_3d
