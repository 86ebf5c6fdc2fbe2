"""The program, called as a person would, and a run that it trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from medsegdiff.cli.main import run

NETWORK = (
    "model.network={name: medsegdiff, widths: [8, 8, 16], blocks: [0, 1, 1], denoiser_widths: [8]}"
)
TINY = ("train.side=32", "train.batch_size=4", "train.validations=1", NETWORK, "predict.members=2")


@dataclass(frozen=True)
class Answer:
    """What a command came to."""

    code: int
    out: str
    err: str


Program = Callable[..., Answer]


@pytest.fixture
def medsegdiff(capsys: pytest.CaptureFixture[str]) -> Program:
    """Run one command line in this process."""

    def called(*arguments: object) -> Answer:
        capsys.readouterr()
        code = run([str(one) for one in arguments])
        return Answer(code, *capsys.readouterr())

    return called


@pytest.fixture(scope="session")
def tiny_settings() -> tuple[str, ...]:
    """Settings of a training that takes a second."""
    return TINY


@pytest.fixture(scope="session")
def trained(skin_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps, trained through the command line."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert run(["train", str(skin_data), "-o", str(folder), "--max-steps", "4", *TINY]) == 0
    return folder
