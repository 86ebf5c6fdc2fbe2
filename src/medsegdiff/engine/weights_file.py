"""A weights file: tensors (safetensors), and in its header what they mean."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from medsegdiff.component import import_plugins
from medsegdiff.engine.config import ModelConfig, PredictConfig
from medsegdiff.engine.settings import faults
from medsegdiff.engine.weights_upgrade import FORMAT_VERSION, upgraded
from medsegdiff.errors import CheckpointError
from medsegdiff.files import atomic_write

FORMAT = "medsegdiff"


@dataclass(frozen=True)
class WeightsContent:
    """A weights file, read and checked, its network not yet built."""

    config: ModelConfig
    predict: PredictConfig
    tensors: Mapping[str, Tensor]
    sha256: str


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
    """Write a weights file atomically, its meaning in the header; the same bytes every time."""
    header = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in header_values(config, predict).items()
    }
    contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    atomic_write(path, _in_order(save_tensors(contiguous, metadata=header)))


def _in_order(content: bytes) -> bytes:
    """The same safetensors file with sorted metadata, whose order the library leaves to chance."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    size = -(-len(text) // 8) * 8  # tensors begin at a multiple of 8 bytes
    return size.to_bytes(8, "little") + text.ljust(size) + content[end:]


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
    header, tensors = upgraded(header, tensors)
    config, predict = _parsed_header(path, header)
    return WeightsContent(config, predict, tensors, hashlib.sha256(content).hexdigest())


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
