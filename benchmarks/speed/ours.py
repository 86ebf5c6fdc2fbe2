"""Our networks as contenders: built, trained and asked as the program does it."""

from __future__ import annotations

import itertools
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from medsegdiff.data import Folder
from medsegdiff.engine.config import RunConfig
from medsegdiff.engine.members import BoundNetwork, bind
from medsegdiff.engine.precision import true_float32
from medsegdiff.engine.predict import predict
from medsegdiff.engine.run_setup import build_network, checked_splits, planned_model, set_up
from medsegdiff.engine.settings import read_run_config, with_predict
from medsegdiff.engine.trainer import Trainer
from medsegdiff.engine.weights import TrainedModel, channels_last
from medsegdiff.types import Geometry, Prediction, Sample
from speed.contender import Task

STUDIES = Path(__file__).parents[2] / "tests" / "data" / "skin_isic2017"
STEPS_OF_A_RUN = 1000  # of which a few are timed


class Ours:
    """One of our networks with the default settings of training and prediction.

    Args:
        task: image, batch, precision.
        folder: of its run.
        words: settings, such as `model.network=medsegdiff_v1`.
        name: in the tables.
        recipe: of the run; None takes the defaults.
        studies: to train on.
    """

    steps_in_a_row = 8  # half of them begin with a guess, as chance has it

    def __init__(
        self,
        task: Task,
        folder: Path,
        *words: str,
        name: str = "medsegdiff",
        recipe: str | None = None,
        studies: Path = STUDIES,
    ) -> None:
        self.name = name
        self.task = task
        self.dataset = Folder(root=studies)
        self.folder = folder
        self.run: RunConfig = read_run_config(
            recipe,
            [
                f"train.side={task.side}",
                f"train.batch_size={task.batch}",
                f"train.precision={task.precision}",
                f"predict.precision={task.precision}",
                *words,
            ],
        )
        self.config = self.run.predict
        self.steps = self.config.sampler.steps
        self.model = fresh(self.dataset, self.run, task.device)
        self.process = self.model.process()
        self.numbers = itertools.count()
        self.bound: BoundNetwork | None = None

    @property
    def network(self) -> nn.Module:
        """The network."""
        return self.model.networks[0]

    @torch.inference_mode()
    def look(self) -> BoundNetwork:
        """The condition pass."""
        with true_float32():
            self.bound = bind(
                self.model.ready(self.config.precision, self.config.compiled)[0],
                self.task.image()[0],
                self.model.config,
                self.process,
                self.config,
            )
        return self.bound

    @torch.inference_mode()
    def step(self, members: int) -> object:
        """One step: scaling, network, and the estimate of the clean mask."""
        x_t = torch.randn(members, 1, self.task.side, self.task.side, device=self.task.device)
        level = torch.full((members,), STEPS_OF_A_RUN // 2)
        denoise = (self.bound or self.look()).denoise
        assert denoise is not None
        with true_float32():
            return denoise(x_t, level)

    def predict(self, members: int) -> Prediction:
        """A whole prediction as the program makes it: noise, steps, fusion, uncertainty, mask."""
        config = with_predict(self.config, members=members, seed=0)
        return predict(self.sample(), self.model, config)

    def sample(self) -> Sample:
        """A study of random pixels."""
        side = self.task.side
        return Sample("random", self.task.image()[0].cpu() * 255, Geometry((side, side)))

    @cached_property
    def trainer(self) -> Trainer:
        """Set up when it is first asked for, since that changes the whole process."""
        device = self.task.device.type
        return set_up(self.dataset, self.folder, self.run, 0, None, device).trainer

    def train_steps(self) -> None:
        """Reading from the cache, augmentation, network, gradient, optimiser, averaged weights."""
        for _ in range(self.steps_in_a_row):
            self.trainer.step(next(self.numbers), STEPS_OF_A_RUN)


def fresh(dataset: Folder, run: RunConfig, device: torch.device) -> TrainedModel:
    """A model that nobody has trained, as one that is loaded: it costs what a trained one costs."""
    splits = checked_splits(dataset, 0, run.train.seed)
    model, _ = planned_model(dataset, splits, run, device)
    network = channels_last(build_network(model).to(device)).eval().requires_grad_(False)
    return TrainedModel("fresh", model, run.predict, (network,), "", device)
