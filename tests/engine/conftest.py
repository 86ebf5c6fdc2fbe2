"""A training of twenty steps on eight small images, done once, and what tests ask of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch import Tensor

from medsegdiff.data import Folder
from medsegdiff.engine.config import RunConfig
from medsegdiff.engine.progress import TrainingObserver
from medsegdiff.engine.settings import read_run_config
from medsegdiff.engine.train import train
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.types import Sample

NETWORK = "{name: medsegdiff, widths: [8, 8, 16], blocks: [0, 1, 1], denoiser_widths: [8]}"
TINY = (
    "train.side=32",
    "train.batch_size=4",
    "train.max_steps=20",
    "train.validations=4",
    "train.precision=fp32",
    f"model.network={NETWORK}",
    "predict={sampler: {name: ddim, steps: 2}, members: 3, precision: fp32}",
)


class Watcher(TrainingObserver):
    """Keeps what it is told, and does something after a step."""

    def __init__(self, after: int = 0, act: Callable[[], object] = lambda: None) -> None:
        self.notes: list[str] = []
        self.totals: list[int] = []
        self.after, self.act = after, act

    def noted(self, message: str) -> None:
        self.notes.append(message)

    def stepped(self, step: int, total: int, loss: float, seconds_left: float) -> None:
        self.totals.append(total)
        if step == self.after:
            self.act()


@pytest.fixture(scope="session")
def watcher() -> type[Watcher]:
    """Make observers that keep the messages and may act after a step."""
    return Watcher


@pytest.fixture(scope="session")
def tiny() -> Callable[..., RunConfig]:
    """Settings of a training that takes a second, with some overridden."""
    return lambda *overrides: read_run_config(None, [*TINY, *overrides])


@pytest.fixture(scope="session")
def skin(skin_data: Path) -> Folder:
    """The twelve dermoscopy images as a data set."""
    return Folder(root=skin_data)


@pytest.fixture(scope="session")
def finished_run(skin: Folder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of twenty steps that nothing interrupted; only to be looked at."""
    run = tmp_path_factory.mktemp("finished")
    train(skin, run, read_run_config(None, TINY), device="cpu")
    return run


@pytest.fixture(scope="session")
def model(finished_run: Path) -> TrainedModel:
    """Its best weights."""
    return TrainedModel.load(finished_run, "cpu")


@pytest.fixture(scope="session")
def lesion(skin: Folder) -> Sample:
    """One study."""
    return skin.load("ISIC_0014836")


@pytest.fixture(scope="session")
def losses() -> Callable[[Path], list[float]]:
    """Read the losses of a run, step by step, each step once."""

    def read(run: Path) -> list[float]:
        text = (run / "fold_0" / "metrics.jsonl").read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines()]
        trained = [line for line in lines if "loss" in line]
        assert [line["step"] for line in trained] == list(range(1, len(trained) + 1))
        return [line["loss"] for line in trained]

    return read


@pytest.fixture(scope="session")
def tensors() -> Callable[[Path], dict[str, Tensor]]:
    """Read weights, averaged weights and optimiser state of a run's newest checkpoint."""

    def read(run: Path) -> dict[str, Tensor]:
        folder = run / "fold_0" / (run / "fold_0" / "latest").read_text(encoding="utf-8")
        files = ("model", "ema", "optimizer")
        return {
            f"{file}/{name}": value
            for file in files
            for name, value in load_file(folder / f"{file}.safetensors").items()
        }

    return read


@pytest.fixture(scope="session")
def equal_runs(losses: Callable, tensors: Callable) -> Callable[[Path, Path], bool]:
    """Whether losses, weights, averaged weights and optimiser are the same, bit for bit."""

    def compare(one: Path, other: Path) -> bool:
        mine, yours = tensors(one), tensors(other)
        return (
            losses(one) == losses(other)
            and mine.keys() == yours.keys()
            and all(mine[name].equal(yours[name]) for name in mine)
        )

    return compare
