"""What stands before the first step of a training: splits, preparation, network, trainer."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from medsegdiff.data import Dataset, Grid, Preparation, PreparedCache, Splits
from medsegdiff.data.fingerprint import DatasetFingerprint, manifest_hash
from medsegdiff.data.preparation import MULTIPLE
from medsegdiff.data.transforms.fit_to_grid import FitToGrid
from medsegdiff.engine.allocator import keep_freed_memory
from medsegdiff.engine.config import ModelConfig, ModelSettings, RunConfig, TrainConfig
from medsegdiff.engine.data_plan import DataPlan, plan_data, settings_for
from medsegdiff.engine.distributed import Team
from medsegdiff.engine.earlier_report import REPORT_FILE
from medsegdiff.engine.environment import environment
from medsegdiff.engine.model_location import weights_files
from medsegdiff.engine.precision import chosen_device
from medsegdiff.engine.run_splits import Fold, every_fold, splits_of
from medsegdiff.engine.settings import differences, validated
from medsegdiff.engine.trainer import Trainer
from medsegdiff.engine.weights import TrainedModel, built, channels_last
from medsegdiff.engine.weights_file import WeightsContent, read_weights
from medsegdiff.errors import ConfigError, DataError
from medsegdiff.files import write_json
from medsegdiff.models import SegmentationNetwork

FREE = (  # settings of the training that may change on resuming
    "max_steps",
    "max_minutes",
    "cache_gb",
    "compiled",
    "loaders",
    "micro_batch",
    "precision",
    "validations",
    "validation_studies",
    "final_studies",
    "patience",
)


@dataclass(frozen=True)
class RunSetup:
    """A training that is ready to start.

    Args:
        fold_folder: RUN/fold_k.
        config: the run's settings.
        dataset: where the studies are.
        splits: of this fold.
        trainer: network, optimiser, averaged weights.
        team: the processes.
        config_hash, data_hash: what a resumed training must agree with.
        plan: how the data are looked at, and why.
    """

    fold_folder: Path
    config: RunConfig
    dataset: Dataset
    splits: Splits
    trainer: Trainer
    team: Team
    config_hash: str
    data_hash: str
    plan: DataPlan

    def averaged_model(self) -> TrainedModel:
        """The averaged weights as a model of their own, for validation."""
        model = self.trainer.model
        network = channels_last(build_network(model).to(self.trainer.device))
        network.load_state_dict(self.trainer.averaged.weights)
        network.eval().requires_grad_(False)
        return TrainedModel(
            "averaged", model, self.config.predict, (network,), "", self.trainer.device
        )


def set_up(
    dataset: Dataset, run: Path, config: RunConfig, fold: Fold, init: str | None, device_name: str
) -> RunSetup:
    """Decide everything that is decided before the first step; nothing is written yet.

    Args:
        dataset: images with masks.
        run: the RUN folder.
        config: the run's settings.
        fold: number of the fold, or "all".
        init: a model to start from: its network, process, objective and preparation are taken over.
        device_name: "auto", "cpu", "cuda", ...

    Raises:
        DataError: a study that is validated on cannot be read: better known now than later.
        ConfigError: settings that do not go with the model to start from; RUN is the folder of a
            prediction.
    """
    if (run / REPORT_FILE).is_file():
        raise ConfigError(
            f"{run} holds a prediction ({REPORT_FILE}), so a training does not write there. Give "
            "another folder with -o."
        )
    device = chosen_device(device_name)
    if device.type == "cpu":
        keep_freed_memory()
    team = Team(device)
    splits = checked_splits(dataset, fold, config.train.seed)
    if init:
        content = init_weights(init)
        model = init_config(dataset, content.config, init)
        config = with_model(config, model, init)
        settings, why = settings_for(model.preparation.grid, config.train, device)
        plan = DataPlan(
            model.preparation.grid,
            model.preparation.intensity.scope,
            settings,
            (f"The grid and the intensities are those of {init}.", why),
        )
        network = built(content, Path(init)).requires_grad_(True)
    else:
        model, plan = planned_model(dataset, splits, config, device)
        network = build_network(model, config.train.seed)
    config = config.model_copy(update={"train": plan.settings})
    network = channels_last(network.to(device))
    cache = PreparedCache(dataset, model.preparation, int(config.train.cache_gb * 2**30))
    trainer = Trainer(network, model, config.train, splits.train, cache, team)
    return RunSetup(
        run / f"fold_{fold}",
        config,
        dataset,
        splits,
        trainer,
        team,
        config_hash=settings_hash(config, model),
        data_hash=manifest_hash(dataset, splits.train + splits.val),
        plan=plan,
    )


def checked_splits(dataset: Dataset, fold: Fold, seed: int) -> Splits:
    """The splits of one fold of a data set that can be trained on.

    Raises:
        DataError: the classes cannot be told, or a study that is validated on cannot be read:
            better known now than later.
    """
    splits = splits_of(dataset, fold, seed)
    if dataset.label_map is not None:
        for study in splits.val:
            dataset.load(study)
    return splits


def plan_of(dataset: Dataset, config: RunConfig, device_name: str = "auto") -> DataPlan:
    """How a training of any fold would look at a data set, and why.

    Raises:
        DataError: the data set cannot be trained on.
        ConfigError: settings that do not go with it.
    """
    splits = checked_splits(dataset, 0, config.train.seed)
    studies = outside_test(dataset, splits)
    return plan_data(dataset, studies, config.train, chosen_device(device_name))


def planned_model(
    dataset: Dataset, splits: Splits, config: RunConfig, device: torch.device
) -> tuple[ModelConfig, DataPlan]:
    """The sealed settings, with what the training studies say; folds share the grid."""
    label_map = dataset.label_map
    if label_map is None:
        raise DataError(
            "The data set has no masks, so its classes are unknown. Put masks of the same names as "
            "the images into a folder `masks` beside `images`."
        )
    plan = plan_data(dataset, outside_test(dataset, splits), config.train, device)
    model = ModelConfig(
        network=config.model.network,
        process=config.model.process,
        objective=config.model.objective,
        preparation=Preparation.fit(plan.grid, dataset, splits.train, plan.scope),
        labels=label_map,
        channel_names=dataset.channel_names,
    )
    return model, plan


def outside_test(dataset: Dataset, splits: Splits) -> list[str]:
    """Annotated studies that may be looked at for a plan: the same ones for every fold."""
    test = set(splits.test)
    return [study for study in dataset.annotated_ids() if study not in test]


def init_weights(init: str) -> WeightsContent:
    """The weights to start from.

    Raises:
        ConfigError: the model has several folds.
    """
    files = weights_files(init)
    if len(files) > 1:
        raise ConfigError(f"{init} has {len(files)} folds. Start from one: --init {init}/fold_0.")
    return read_weights(files[0])


def with_model(config: RunConfig, model: ModelConfig, init: str) -> RunConfig:
    """The run's settings with those that come with the model to start from.

    Raises:
        ConfigError: other ones were asked for.
    """
    sealed = ModelSettings(network=model.network, process=model.process, objective=model.objective)
    asked = config.model if "model" in config.model_fields_set else sealed
    differing = differences(asked, sealed.model_dump(mode="json"))
    differing += _other_grid(config.train, model.preparation.grid)
    if differing:
        raise ConfigError(
            f"--init {init} brings its own network, process, objective and grid, but others "
            f"were asked for ({'; '.join(differing)}). Leave these settings out, or train without "
            "--init."
        )
    aspect = getattr(model.preparation.grid, "aspect", config.train.aspect)
    train = config.train.model_copy(update={"aspect": aspect})
    return validated(RunConfig, {**dict(config), "model": sealed, "train": train})


def _other_grid(train: TrainConfig, grid: Grid) -> Iterator[str]:
    """What was asked for of the grid that is not so, as "path: found -> asked"."""
    if isinstance(grid, FitToGrid):
        own_side = math.prod(grid.size) ** (1 / len(grid.size))
        if train.side is not None and abs(train.side - own_side) > MULTIPLE:
            yield f"train.side: {own_side:.0f} -> {train.side}"
        if "aspect" in train.model_fields_set and train.aspect != grid.aspect:
            yield f"train.aspect: {grid.aspect} -> {train.aspect}"
    elif train.patch not in (None, grid.size):
        yield f"train.patch: {list(grid.size)} -> {list(train.patch)}"


def init_config(dataset: Dataset, config: ModelConfig, init: str) -> ModelConfig:
    """The sealed settings of the model to start from, with this data set's classes.

    Raises:
        DataError: the channels or the number of classes differ.
    """
    label_map = dataset.label_map
    if label_map is None or label_map.coding != config.coding:
        found = "none" if label_map is None else ", ".join(label_map.structure_names)
        raise DataError(
            f"{init} outlines {', '.join(config.labels.structure_names)}, the data set {found}. "
            "Train without --init."
        )
    if len(dataset.channel_names) != len(config.channel_names):
        raise DataError(
            f"{init} expects {len(config.channel_names)} image channels, the data set has "
            f"{len(dataset.channel_names)}. Train without --init."
        )
    own = {"labels": label_map, "temperature": 1.0, "familiar": None}  # the latter found at the end
    return config.model_copy(update=own)


def build_network(model: ModelConfig, seed: int = 0) -> SegmentationNetwork:
    """A network with fresh weights from the seed; torch's global random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return model.network.build(
            model.preparation.image_channels, model.mask_channels, len(model.grid_size)
        )


def settings_hash(config: RunConfig, model: ModelConfig) -> str:
    """Hash of the settings that shape the weights: all but the free ones.

    Numbers count with six digits: the last ones of what was measured on the images hang on the
    number of threads, and a run may go on with another one.
    """
    train = config.train.model_dump(mode="json", exclude=set(FREE))
    text = json.dumps(_rounded([model.model_dump(mode="json"), train]))
    return hashlib.sha256(text.encode()).hexdigest()


def _rounded(value: Any) -> Any:
    """The same, with six digits of each number."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


def describe(setup: RunSetup, run: Path) -> None:
    """Write what the run is made of, readable, beside the fold."""
    setup.fold_folder.mkdir(parents=True, exist_ok=True)
    model = setup.trainer.model
    write_json(run / "config.json", setup.config.model_dump(mode="json"))
    fingerprint = DatasetFingerprint.of(setup.dataset, setup.splits.train)
    write_json(run / "dataset_fingerprint.json", fingerprint.model_dump(mode="json"))
    write_json(run / "environment.json", environment())
    write_json(run / "plan.json", setup.plan.to_json())
    write_json(
        run / "dataset.json",
        {
            "channel_names": {str(i): name for i, name in enumerate(model.channel_names)},
            **model.labels.declaration(),
            "numTraining": len(setup.splits.train),
        },
    )
    write_json(setup.fold_folder / "splits.json", setup.splits.model_dump(mode="json"))
    folds = every_fold(setup.dataset, setup.config.train.seed)
    in_all = [fold.model_dump(mode="json", include={"train", "val"}) for fold in folds]
    write_json(run / "splits_final.json", in_all)  # nnU-Net's name and format
