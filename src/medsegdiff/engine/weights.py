"""Models that are ready to predict: networks filled with weights, and what these mean."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch.nn.utils import convert_conv2d_weight_memory_format

from medsegdiff.data import Preparation
from medsegdiff.diffusion import Process
from medsegdiff.engine.acceleration import compiled, with_bf16_weights
from medsegdiff.engine.config import ModelConfig, Precision, PredictConfig
from medsegdiff.engine.fitting import Fitting
from medsegdiff.engine.model_location import WEIGHTS_FILE, weights_files
from medsegdiff.engine.precision import chosen_device, uses_bf16
from medsegdiff.engine.weights_file import (
    WeightsContent,
    header_values,
    read_weights,
    write_checksums,
    write_weights,
)
from medsegdiff.errors import CheckpointError
from medsegdiff.files import atomic_folder, atomic_write, write_json
from medsegdiff.models import SegmentationNetwork

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
        fitting: how many members go through a network at once.
    """

    name: str
    config: ModelConfig
    predict: PredictConfig
    networks: tuple[SegmentationNetwork, ...]
    weights_hash: str
    device: torch.device
    preparations: tuple[Preparation, ...] = ()
    fitting: Fitting = field(default_factory=Fitting, repr=False, compare=False)
    _readied: dict[tuple[bool, bool], tuple[SegmentationNetwork, ...]] = field(
        default_factory=dict, repr=False, compare=False
    )

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
        averaged = {
            name: fmean(getattr(content.config, name) for content in contents)
            for name in ("threshold", "temperature")
        }
        config = config.model_copy(update=averaged)
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
        return Process(self.config.process, self.config.grid_size, self.config.coding)

    def temperature(self, config: PredictConfig) -> float:
        """By which the logits of a fused probability are divided, as the settings want it."""
        return self.config.temperature if config.calibrated else 1.0

    def ready(self, precision: Precision, is_compiled: bool) -> tuple[SegmentationNetwork, ...]:
        """The networks as a prediction runs them: made when first asked for, and kept.

        Raises:
            ConfigError: compiled ones on a device that does not gain by it.
        """
        is_half = uses_bf16(precision, self.device)
        if (is_half, is_compiled) not in self._readied:
            networks = self.networks
            if is_half:
                networks = tuple(with_bf16_weights(one) for one in networks)
            if is_compiled:
                networks = tuple(compiled(one, self.device) for one in networks)
            self._readied[is_half, is_compiled] = networks
        return self._readied[is_half, is_compiled]

    def save(
        self,
        folder: Path,
        card: str,
        metrics: Mapping[str, Any],
        calibration: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a MODEL folder that is usable alone.

        Args:
            folder: made if it is not there; an earlier MODEL folder is replaced as a whole.
            card: the model card, Markdown.
            metrics: figures of the validation, for `metrics.json`.
            calibration: what `calibration.json` says beside temperature and threshold.

        Raises:
            CheckpointError: the model has several folds, which do not fit in one weights file, or
                the folder holds something else.
        """
        if len(self.networks) > 1:
            raise CheckpointError(
                f"{self.name} has {len(self.networks)} folds. Export one: -m RUN/fold_0."
            )
        weights = {
            name: value.half() if value.is_floating_point() else value
            for name, value in next(iter(self.networks)).state_dict().items()
        }
        written = [WEIGHTS_FILE, "config.json", "metrics.json", "calibration.json", "README.md"]
        others = sorted({one.name for one in folder.glob("*")} - {*written, "SHA256SUMS"})
        if others:
            raise CheckpointError(
                f"{folder} holds other files ({', '.join(others[:3])}), which a model folder would "
                "replace. Choose a new folder."
            )
        own = {"temperature": self.config.temperature, "threshold": self.config.threshold}
        with atomic_folder(folder) as temporary:
            write_weights(temporary / WEIGHTS_FILE, weights, self.config, self.predict)
            write_json(temporary / "config.json", header_values(self.config, self.predict))
            write_json(temporary / "metrics.json", metrics)
            write_json(temporary / "calibration.json", {**(calibration or {}), **own})
            atomic_write(temporary / "README.md", card)
            write_checksums(temporary, written)


def common(config: ModelConfig) -> dict[str, Any]:
    """What all folds of a run share: all but what each measures on its own studies."""
    own = {"threshold": True, "temperature": True, "familiar": True, "preparation": {"intensity"}}
    values = config.model_dump(exclude=own)
    return {**values, "image_channels": config.preparation.image_channels}


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
            f"({'; '.join(wrong[:3])}{more}). Use a file written by this program, unchanged."
        )
    network.load_state_dict(
        {name: value.to(expected[name].dtype) for name, value in content.tensors.items()}
    )
    return network.eval().requires_grad_(False)


def channels_last(network: SegmentationNetwork) -> SegmentationNetwork:
    """Lay the weights out with channels last, in which 2-D convolutions are fastest."""
    return convert_conv2d_weight_memory_format(network, torch.channels_last)
