"""One step of training, and nothing about files, budgets or validation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

import torch
from jaxtyping import Float
from torch import Tensor

from medsegdiff.data import PreparedCache
from medsegdiff.diffusion import Process, cross_entropy_and_dice, diffusion_loss
from medsegdiff.engine.acceleration import compiled
from medsegdiff.engine.ahead import Ahead
from medsegdiff.engine.config import ModelConfig, TrainConfig
from medsegdiff.engine.distributed import Team
from medsegdiff.engine.ema import AveragedWeights
from medsegdiff.engine.fitting import Fitting
from medsegdiff.engine.precision import autocast, true_float32
from medsegdiff.engine.training_batch import BatchMaker, TrainingBatch, step_seed
from medsegdiff.errors import NumericalError
from medsegdiff.models import Condition, SegmentationNetwork

MOST_FAILURES = 3  # steps in a row whose loss or gradient is not finite
LOADERS_OF_A_GPU = 4  # threads; a processor that trains has none to spare


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
        self.team = team
        self.process = Process(model.process, model.grid_size, model.coding)
        self.device = next(network.parameters()).device
        is_gpu = self.device.type == "cuda"
        self.batches = BatchMaker(studies, cache, model, settings, self.process, team, is_gpu)
        self.running = running(network, settings, self.device)
        self.ahead = Ahead(self.batches.make, loaders(settings.loaders, self.device))
        self.fitting = Fitting()
        self.averaged = AveragedWeights(network, settings.ema_decay)
        self.optimizer = optimizer_of(network, settings)
        self.failures = 0

    def step(self, number: int, total: int) -> float:
        """Train on batch `number` of `total`; a pure function of the weights and the number.

        Returns:
            The loss of the whole batch; nan if it was not finite and the weights were left as they
            are.

        Raises:
            NumericalError: that happened several times in a row; names the studies.
            ResourceError: the device has no memory for a single row.
        """
        batch = self.ahead.get(number, total).to(self.device)
        rate = learning_rate(number, total, self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        loss = self.gradients(batch, number)
        self.team.average_gradients(self.network)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        loss = self.team.average(loss)
        if not bool(torch.isfinite(loss) & torch.isfinite(norm)):
            return self.refuse(number)
        self.failures = 0
        self.optimizer.step()
        self.averaged.update(self.network)
        return float(loss)

    @property
    def rows_at_once(self) -> int:
        """Rows that go through the network together; the gradients of such parts are summed."""
        return self.fitting.rows(self.settings.micro_batch or self.settings.batch_size)

    def gradients(self, batch: TrainingBatch, number: int) -> Tensor:
        """Give every parameter the gradient of the batch's mean loss, and return that loss."""
        while True:
            self.optimizer.zero_grad(set_to_none=True)
            tried = min(self.rows_at_once, len(batch))
            with suppress(torch.OutOfMemoryError):
                return self.summed_gradients(batch.parts(tried), len(batch), number)
            self.fitting.halve(tried)

    def summed_gradients(
        self, parts: Iterable[TrainingBatch], count: int, number: int
    ) -> Float[Tensor, ""]:
        """The mean loss over the `count` rows of all parts; its gradient is added up."""
        loss = torch.zeros((), device=self.device)
        seed = step_seed(self.settings.seed, number)
        with true_float32(), drawn_from(seed, self.device):  # dropout draws
            for part in parts:
                own = self.loss(part, number) * (len(part) / count)
                own.backward()
                loss += own.detach()
        return loss

    def loss(self, batch: TrainingBatch, number: int = 0) -> Float[Tensor, ""]:
        """Loss of the diffusion plus, where it is its turn, that of the condition head."""
        with autocast(self.settings.precision, self.device):
            condition = self.running.condition(batch.image)
        loss = batch.x_0.new_zeros(())
        head = self.settings.head
        is_its_turn = number % head.every == 0 or not self.network.denoises
        if condition.logits is not None and is_its_turn:
            truth = self.process.probability(batch.x_0)
            own = cross_entropy_and_dice(
                condition.logits, truth, self.model.coding, head.cross_entropy, batch.weight
            )
            loss = loss + head.weight * own.mean()
        if self.network.denoises:
            seen = condition.with_gradient(self.settings.condition_gradient)
            loss = loss + self.denoising_loss(seen, batch).mean()
        return loss

    def denoising_loss(self, condition: Condition, batch: TrainingBatch) -> Float[Tensor, " B"]:
        """Loss of each row of the diffusion."""

        def bound(x_t: Tensor, t: Tensor) -> Tensor:
            with autocast(self.settings.precision, self.device):
                return self.running.denoise(x_t, t, condition)

        objective = self.model.objective
        return diffusion_loss(
            bound,
            batch.x_0,
            batch.draw,
            self.process,
            objective,
            batch.weight,
            self.network.self_conditions,
        )

    def refuse(self, number: int) -> float:
        """Leave the weights as they are; give up after several failures in a row."""
        self.failures += 1
        if self.failures >= MOST_FAILURES:
            raise NumericalError(
                f"The loss was not finite {MOST_FAILURES} times in a row, last at step "
                f"{number + 1} on the studies {', '.join(self.batches.names(number))}. Nothing of "
                "it was saved. Look at these studies with `medsegdiff verify`, or lower "
                f"train.learning_rate (now {self.settings.learning_rate})."
            )
        return math.nan


@contextmanager
def drawn_from(seed: int, device: torch.device) -> Iterator[None]:
    """Let what draws from torch's global random state begin at a seed; it stays as it was."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def running(
    network: SegmentationNetwork, settings: TrainConfig, device: torch.device
) -> SegmentationNetwork:
    """The same weights as they are run: compiled, if that is wanted."""
    return compiled(network, device, is_trained=True) if settings.compiled else network


def loaders(wanted: int | None, device: torch.device) -> int:
    """Threads that make the next batches."""
    return wanted if wanted is not None else LOADERS_OF_A_GPU * (device.type == "cuda")


def optimizer_of(network: SegmentationNetwork, settings: TrainConfig) -> torch.optim.Optimizer:
    """AdamW over all weights, in one pass over each."""
    return torch.optim.AdamW(
        network.parameters(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )


def learning_rate(step: int, total: int, settings: TrainConfig) -> float:
    """Linear warm-up, then a cosine to zero."""
    warm_up = max(1, round(settings.warm_up * total))
    if step < warm_up:
        return settings.learning_rate * (step + 1) / warm_up
    done = (step - warm_up) / max(1, total - warm_up)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
