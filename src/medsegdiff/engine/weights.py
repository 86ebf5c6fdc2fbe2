"""Weights files whose header says what the weights mean, and the models loaded from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor
from torch.nn.utils import convert_conv2d_weight_memory_format

from medsegdiff.component import import_plugins
from medsegdiff.data import Preparation
from medsegdiff.diffusion import Process
from medsegdiff.engine.config import ModelConfig, PredictConfig
from medsegdiff.engine.precision import chosen_device
from medsegdiff.engine.settings import faults
from medsegdiff.errors import CheckpointError
from medsegdiff.files import atomic_write, write_json
from medsegdiff.models import SegmentationNetwork

FORMAT = "medsegdiff"
FORMAT_VERSION = 1  # raised when old programs could misread new files
BUNDLED = Path(__file__).parents[1] / "weights"
WEIGHTS_FILE = "model.safetensors"
AVERAGED_FILE = "ema.safetensors"
FINAL = "final"  # a fold's folder for its best weights, once the training has ended
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


@dataclass(frozen=True)
class TrainedModel:
    """Networks with their weights, and what the weights mean.

    Args:
        name: where it was loaded from, for reports.
        config: sealed with the weights.
        predict: settings of prediction that the training validated with.
        networks: one, or one for each fold; on `device`, in evaluation mode.
        weights_hash: SHA-256 of the weights files, 16 hex digits.
        device: where it computes.
        preparations: of each network, where folds have measured intensities on their own training
            studies; empty where that of the config holds for all.
    """

    name: str
    config: ModelConfig
    predict: PredictConfig
    networks: tuple[SegmentationNetwork, ...]
    weights_hash: str
    device: torch.device
    preparations: tuple[Preparation, ...] = ()

    @classmethod
    def load(cls, where: str | Path, device: str = "auto") -> TrainedModel:
        """Load a bundled model, a MODEL folder, a RUN folder (best of its folds), or a file.

        Raises:
            CheckpointError: nothing is there, or it is damaged or of another kind; says which file
                and why.
        """
        files = weights_files(where)
        target = chosen_device(device)
        contents = [read_weights(file) for file in files]
        config = contents[0].config
        if any(common(content.config) != common(config) for content in contents):
            raise CheckpointError(
                f"The folds in {where} were trained with different settings. "
                f"Choose one: -m {files[0]}."
            )
        threshold = round(fmean(content.config.threshold for content in contents), 4)
        config = config.model_copy(update={"threshold": threshold})
        networks = tuple(
            channels_last(built(content, file).to(target))
            for content, file in zip(contents, files, strict=True)
        )
        digest = hashlib.sha256(
            "".join(content.sha256 for content in contents).encode()
        ).hexdigest()
        if len(contents) == 1:
            digest = contents[0].sha256
        return cls(
            str(where),
            config,
            contents[0].predict,
            networks,
            digest[:16],
            target,
            tuple(content.config.preparation for content in contents),
        )

    def process(self) -> Process:
        """The forward process on the network's grid."""
        return Process(self.config.process, self.config.grid_size)

    def save(self, folder: Path, card: str, metrics: Mapping[str, Any]) -> None:
        """Write a MODEL folder that is usable alone.

        Args:
            folder: made if it is not there.
            card: the model card, Markdown.
            metrics: figures of the validation, for `metrics.json`.

        Raises:
            CheckpointError: the model has several folds, which do not fit in one weights file.
        """
        if len(self.networks) > 1:
            raise CheckpointError(
                f"{self.name} has {len(self.networks)} folds. Export one: -m RUN/fold_0."
            )
        weights = {
            name: value.half() if value.is_floating_point() else value
            for name, value in next(iter(self.networks)).state_dict().items()
        }
        write_weights(folder / WEIGHTS_FILE, weights, self.config, self.predict)
        write_json(folder / "config.json", header_values(self.config, self.predict))
        write_json(folder / "metrics.json", metrics)
        atomic_write(folder / "README.md", card)
        write_checksums(folder, [WEIGHTS_FILE, "config.json", "metrics.json", "README.md"])


@dataclass(frozen=True)
class WeightsContent:
    """A weights file, read and checked, its network not yet built."""

    config: ModelConfig
    predict: PredictConfig
    tensors: Mapping[str, Tensor]
    sha256: str


def common(config: ModelConfig) -> dict[str, Any]:
    """What all folds of a run share; thresholds and intensities are each fold's own."""
    values = config.model_dump(exclude={"threshold": True, "preparation": {"intensity"}})
    return {**values, "image_channels": config.preparation.image_channels}


def bundled_models() -> dict[str, Path]:
    """Models that come with the package, by name."""
    return {path.parent.name: path.parent for path in sorted(BUNDLED.glob(f"*/{WEIGHTS_FILE}"))}


def weights_files(where: str | Path) -> list[Path]:
    """Find the weights file of a model, or one for each fold of a run.

    Raises:
        CheckpointError: there is none.
    """
    folder = bundled_models().get(str(where), Path(where))
    if folder.is_file():
        return [folder]
    for candidate in (folder / AVERAGED_FILE, folder / WEIGHTS_FILE):
        if candidate.is_file():
            return [candidate]
    best = [file for fold in (folder, *sorted(folder.glob("fold_*"))) if (file := best_file(fold))]
    if best:
        return best
    known = ", ".join(bundled_models()) or "none"
    raise CheckpointError(
        f"There is no model at {where}. Give a bundled model's name ({known}), a model folder with "
        f"{WEIGHTS_FILE}, "
        "a run folder that has been validated at least once, or a .safetensors file."
    )


def best_file(fold: Path) -> Path | None:
    """The weights that a fold offers: those of its end, or the best so far; None before."""
    final = fold / FINAL / WEIGHTS_FILE
    if final.is_file():
        return final
    best = pointer(fold, "best")
    return fold / best / AVERAGED_FILE if best else None


def pointer(fold: Path, name: str) -> str | None:
    """What the small file `best` or `latest` in a fold's folder names; None if it is not there."""
    file = fold / name
    return file.read_text(encoding="utf-8").strip() if file.is_file() else None


def header_values(config: ModelConfig, predict: PredictConfig) -> dict[str, Any]:
    """What the header says, as JSON values."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "model": config.model_dump(mode="json"),
        "predict": predict.model_dump(mode="json"),
    }


def write_weights(
    path: Path, tensors: Mapping[str, Tensor], config: ModelConfig, predict: PredictConfig
) -> None:
    """Write a weights file atomically, its meaning in the header."""
    header = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in header_values(config, predict).items()
    }
    contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    atomic_write(path, save_tensors(contiguous, metadata=header))


def read_weights(path: Path) -> WeightsContent:
    """Read a weights file and check it.

    Raises:
        CheckpointError: it is damaged, not ours, or of a newer format.
    """
    try:
        content = path.read_bytes()
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
        tensors = load_tensors(content)
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not a whole safetensors file ({error}). It may have been cut off while "
            "copying: copy it again."
        ) from None
    config, predict = _parsed_header(path, header)
    return WeightsContent(config, predict, tensors, hashlib.sha256(content).hexdigest())


def built(content: WeightsContent, path: Path) -> SegmentationNetwork:
    """Build the network that the header describes and fill in its weights, as float32.

    Raises:
        CheckpointError: a tensor is missing, unknown, of another shape, or not finite.
    """
    config = content.config
    with torch.random.fork_rng(devices=[]):  # fresh weights are drawn, and then replaced
        network = config.network.build(
            config.preparation.image_channels, config.mask_channels, len(config.grid_size)
        )
    expected = network.state_dict()
    wrong = [f"{name} is missing" for name in expected if name not in content.tensors]
    wrong += [f"{name} is unknown" for name in content.tensors if name not in expected]
    wrong += [
        f"{name} has shape {tuple(value.shape)}, not {tuple(expected[name].shape)}"
        for name, value in content.tensors.items()
        if name in expected and value.shape != expected[name].shape
    ]
    wrong += [
        f"{name} holds something else than finite numbers"
        for name, value in content.tensors.items()
        if value.dtype not in FLOATS or not bool(value.isfinite().all())
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise CheckpointError(
            f"{path} does not fit the network that its own header describes "
            f"({'; '.join(wrong[:3])}{more}). "
            "Use a file written by this program, unchanged."
        )
    network.load_state_dict(
        {name: value.to(expected[name].dtype) for name, value in content.tensors.items()}
    )
    return network.eval().requires_grad_(False)


def channels_last(network: SegmentationNetwork) -> SegmentationNetwork:
    """Lay the weights out with channels last, in which 2-D convolutions are fastest."""
    return convert_conv2d_weight_memory_format(network, torch.channels_last)


def write_checksums(folder: Path, names: list[str]) -> None:
    """Write SHA256SUMS over some files of a folder, as `sha256sum -c` reads it."""
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names
    ]
    atomic_write(folder / "SHA256SUMS", "".join(lines))


def _parsed_header(path: Path, header: Mapping[str, str]) -> tuple[ModelConfig, PredictConfig]:
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} was not written by medsegdiff: its header does not say what the weights mean."
        )
    number = header.get("format_version", "")
    if not number.isdecimal() or int(number) > FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has format {number or 'unknown'}, this program knows up to "
            f"{FORMAT_VERSION}. Upgrade medsegdiff."
        )
    import_plugins()  # the network may be one of theirs
    try:
        return ModelConfig.model_validate_json(header["model"]), PredictConfig.model_validate_json(
            header["predict"]
        )
    except (KeyError, ValidationError) as error:
        why = (
            faults(error, ModelConfig)
            if isinstance(error, ValidationError)
            else f"{error} is missing"
        )
        raise CheckpointError(f"The header of {path} cannot be read: {why}.") from None
