"""Training states on disk: numbered folders that appear whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from medsegdiff.engine.config import ModelConfig, PredictConfig
from medsegdiff.engine.ema import AveragedWeights
from medsegdiff.engine.model_location import AVERAGED_FILE, STATE_FILE, WEIGHTS_FILE, pointer
from medsegdiff.engine.weights_file import write_checksums, write_weights
from medsegdiff.errors import CheckpointError
from medsegdiff.files import atomic_folder, atomic_write, write_json

OPTIMIZER_FILE = "optimizer.safetensors"
KEPT = 2  # newest checkpoints, beside the best one


@dataclass(frozen=True)
class TrainingState:
    """Where a training stands; with the tensors beside it, all that is needed to go on bit by bit.

    Data order, augmentation and noise are functions of the seed and the step, so the step is their
    state.

    Args:
        validations: how often the run is validated, where its minutes allow fewer than the
            settings say; None takes those.
        awaits_validation: whether the validation of this step was broken off and is still to come.
    """

    step: int
    total_steps: int
    best_dice: float
    best_step: int
    stale_validations: int
    averaged_updates: int
    config_hash: str
    data_hash: str
    seconds: float
    validations: int | None = None
    awaits_validation: bool = False


def save_checkpoint(
    fold: Path,
    state: TrainingState,
    network: nn.Module,
    averaged: AveragedWeights,
    optimizer: torch.optim.Optimizer,
    config: ModelConfig,
    predict: PredictConfig,
) -> None:
    """Write a numbered checkpoint folder, point `latest` and `best` to theirs, remove others.

    Checkpoints of later steps are left over from damage or from another run; they go too.
    """
    folder = checkpoint_folder(fold, state.step)
    with atomic_folder(folder) as temporary:
        write_weights(temporary / WEIGHTS_FILE, network.state_dict(), config, predict)
        write_weights(temporary / AVERAGED_FILE, averaged.weights, config, predict)
        atomic_write(temporary / OPTIMIZER_FILE, save_tensors(optimizer_tensors(optimizer)))
        write_json(temporary / STATE_FILE, asdict(state))
        write_checksums(temporary, [WEIGHTS_FILE, AVERAGED_FILE, OPTIMIZER_FILE, STATE_FILE])
    point(fold, state)
    so_far = [path.name for path in checkpoints(fold) if path.name <= folder.name]
    kept = {pointer(fold, "best"), *so_far[:KEPT]}
    for path in checkpoints(fold):
        if path.name not in kept:
            shutil.rmtree(path)


def point(fold: Path, state: TrainingState) -> None:
    """Let the small files `latest` and `best` name the checkpoints that the state speaks of."""
    for name, step in (("best", state.best_step), ("latest", state.step)):
        folder = checkpoint_folder(fold, step)
        if folder.is_dir():
            atomic_write(fold / name, folder.name)


def checkpoint_folder(fold: Path, step: int) -> Path:
    """Where the state after a step lies."""
    return fold / f"checkpoint_{step:07d}"


def discard(fold: Path) -> None:
    """Remove all checkpoints of a fold and what names them: the training starts anew."""
    for name in ("best", "latest"):
        (fold / name).unlink(missing_ok=True)
    for folder in checkpoints(fold):
        shutil.rmtree(folder)


def sweep(fold: Path) -> None:
    """Remove the unfinished files and folders that a killed training left behind."""
    for path in fold.glob(".*.tmp"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def checkpoints(fold: Path) -> list[Path]:
    """Checkpoint folders, newest first."""
    return sorted(fold.glob("checkpoint_[0-9]*"), reverse=True)


def newest_valid(fold: Path) -> Iterator[tuple[Path, TrainingState | str]]:
    """Walk from the newest checkpoint back to the first valid one.

    Yields:
        Each folder with its state, or with what is wrong with it; stops after the first state.
    """
    for folder in checkpoints(fold):
        fault = checksum_fault(folder)
        if fault is not None:
            yield folder, fault
            continue
        try:
            state = TrainingState(**json.loads((folder / STATE_FILE).read_text(encoding="utf-8")))
        except (TypeError, ValueError):
            yield folder, f"{STATE_FILE} was written by another version of the program"
            continue
        yield folder, state
        return


def checksum_fault(folder: Path) -> str | None:
    """What is wrong with a folder by its SHA256SUMS; None if every file is as it was written."""
    sums = folder / "SHA256SUMS"
    if not sums.is_file():
        return "SHA256SUMS is missing"
    for line in sums.read_text(encoding="utf-8").splitlines():
        expected, name = line.split("  ", 1)
        file = folder / name
        if not file.is_file():
            return f"{name} is missing"
        if hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            return f"{name} is damaged"
    return None


def restore(
    folder: Path, network: nn.Module, averaged: AveragedWeights, optimizer: torch.optim.Optimizer
) -> None:
    """Fill network, averaged weights and optimiser from a checkpoint folder.

    Raises:
        CheckpointError: the tensors do not fit.
    """
    try:
        network.load_state_dict(load_file(folder / WEIGHTS_FILE))
        for name, value in load_file(folder / AVERAGED_FILE).items():
            averaged.weights[name].copy_(value)
        load_optimizer(optimizer, load_file(folder / OPTIMIZER_FILE))
    except (LookupError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{folder} does not fit this network: {error}") from None


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as named tensors: number of the parameter, then the quantity."""
    return {
        f"{number}.{quantity}": value.detach().cpu().contiguous()
        for number, state in optimizer.state_dict()["state"].items()
        for quantity, value in state.items()
    }


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Undo `optimizer_tensors`."""
    parameters = [one for group in optimizer.param_groups for one in group["params"]]
    values = optimizer.state_dict()
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, quantity = key.split(".", 1)
        laid_out = laid_out_like(value, parameters[int(number)])
        state.setdefault(int(number), {})[quantity] = laid_out
    optimizer.load_state_dict({**values, "state": state})


def laid_out_like(value: Tensor, parameter: Tensor) -> Tensor:
    """The same numbers in the order in memory of a parameter, if it has one for each of its own.

    Fused optimisers walk through the memory of both at once and do not look whether it agrees.
    """
    if value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, dtype=value.dtype, device=value.device).copy_(value)
