"""Our networks as contenders: built, trained and asked as the program does it."""

from __future__ import annotations

import itertools
from pathlib import Path

import torch
from torch import nn

from medsegdiff.data import Folder
from medsegdiff.engine.config import RunConfig
from medsegdiff.engine.members import BoundNetwork, bind
from medsegdiff.engine.precision import true_float32
from medsegdiff.engine.predict import predict
from medsegdiff.engine.run_setup import set_up
from medsegdiff.engine.settings import read_run_config, with_predict
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
        self.kinds_of_step = 4  # some begin with a guess
        config: RunConfig = read_run_config(
            recipe,
            [
                f"train.side={task.side}",
                f"train.batch_size={task.batch}",
                f"train.precision={task.precision}",
                f"predict.precision={task.precision}",
                *words,
            ],
        )
        self.config = config.predict
        self.steps = config.predict.sampler.steps
        self.setup = set_up(Folder(root=studies), folder, config, 0, None, task.device.type)
        self.model = self.setup.averaged_model()
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
                self.model.process(),
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

    def train_step(self) -> object:
        """Reading from the cache, augmentation, network, gradient, optimiser, averaged weights."""
        return self.setup.trainer.step(next(self.numbers), STEPS_OF_A_RUN)
