"""All that a person may choose, in one object; what gives the weights meaning is sealed in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, SerializeAsAny, ValidationError

from medsegdiff.component import Config
from medsegdiff.data import LabelMap, Preparation, Transform
from medsegdiff.data.transforms.affine import Affine
from medsegdiff.data.transforms.blur import Blur
from medsegdiff.data.transforms.brightness import Brightness
from medsegdiff.data.transforms.contrast import Contrast
from medsegdiff.data.transforms.flip import Flip
from medsegdiff.data.transforms.gamma import Gamma
from medsegdiff.data.transforms.grain import Grain
from medsegdiff.diffusion import NoiseRecipe, Objective, ProcessSettings, Sampler
from medsegdiff.diffusion.objectives.logits import Logits
from medsegdiff.diffusion.samplers.ddim import DDIM
from medsegdiff.ensemble import Ensemble
from medsegdiff.ensemble.mean import Mean
from medsegdiff.errors import ConfigError
from medsegdiff.models import Network
from medsegdiff.models.medsegdiff import MedSegDiff

RECIPES = Path(__file__).parent / "recipes"
Precision = Literal["auto", "fp32", "bf16"]
AUGMENTATION: tuple[Transform, ...] = (
    Flip(),
    Affine(),
    Brightness(),
    Contrast(),
    Gamma(),
    Grain(),
    Blur(),
)


class ModelSettings(Config):
    """What is chosen of a model before any data is seen."""

    network: SerializeAsAny[Network] = MedSegDiff()
    process: ProcessSettings = ProcessSettings()
    objective: SerializeAsAny[Objective] = Logits()


class ModelConfig(ModelSettings):
    """What the weights mean: sealed into the weights file, and read from there and nowhere else.

    Args:
        preparation: grid and intensities, fitted on the training studies.
        labels: names and stored values of the classes.
        channel_names: what each image channel shows.
        threshold: probability from which a voxel is foreground, for a binary task; chosen on
            validation.
    """

    preparation: Preparation
    labels: LabelMap
    channel_names: tuple[str, ...]
    threshold: float = Field(default=0.5, gt=0, lt=1)

    @property
    def mask_channels(self) -> int:
        """K: 1 for a binary task, else one for each class with the background."""
        return self.labels.mask_channels

    @property
    def grid_size(self) -> tuple[int, ...]:
        """Voxels along each axis of the network's grid."""
        return self.preparation.grid.size


class TrainConfig(Config):
    """How weights are found.

    Args:
        side: geometric mean of the sides of the network's grid; None takes 96 on a CPU, 256 on a
            GPU.
        batch_size: images in a step, over all processes.
        learning_rate: at its highest, after the warm-up; then it follows a cosine to zero.
        warm_up: share of the steps in which it rises.
        head_weight: weight of the condition head's own loss.
        ema_decay: of the averaged weights, which are those that are used; smaller at first.
        clip_norm: largest norm of the gradient.
        validations: how often the model is validated during the run.
        validation_studies: at most so many, evenly spread over the validation split.
        patience: validations without a better Dice after which training stops; None never does.
        cache_gb: memory for decoded images.
    """

    side: int | None = Field(default=None, ge=16)
    batch_size: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warm_up: float = Field(default=0.05, ge=0, lt=1)
    head_weight: float = Field(default=1.0, ge=0)
    ema_decay: float = Field(default=0.998, ge=0, lt=1)
    clip_norm: float = Field(default=1.0, gt=0)
    noise: NoiseRecipe = NoiseRecipe()
    augmentation: tuple[SerializeAsAny[Transform], ...] = AUGMENTATION
    validations: int = Field(default=8, ge=1)
    validation_studies: int = Field(default=64, ge=1)
    patience: int | None = Field(default=None, ge=1)
    max_steps: int | None = Field(default=None, ge=1)
    max_minutes: float | None = Field(default=None, gt=0)
    seed: int = 0
    precision: Precision = "auto"
    cache_gb: float = Field(default=2.0, gt=0)


class PredictConfig(Config):
    """How masks are drawn from a model; free to change at any time.

    Args:
        sampler: the walk from noise to mask, with its steps.
        members: masks drawn for each study; 0 takes the mask of the condition head alone.
        ensemble: how they are fused.
        seed: another seed, other members.
        member_batch: members that go through the network at once; less needs less memory.
        threshold: overrides the one kept with the weights.
        keep_largest: keep only the largest connected piece of each class.
        fill_holes: fill holes inside each class.
    """

    sampler: SerializeAsAny[Sampler] = DDIM()
    members: int = Field(default=8, ge=0)
    ensemble: SerializeAsAny[Ensemble] = Mean()
    seed: int = 0
    member_batch: int = Field(default=8, ge=1)
    threshold: float | None = Field(default=None, gt=0, lt=1)
    keep_largest: bool = False
    fill_holes: bool = False
    precision: Precision = "auto"


class RunConfig(Config):
    """Everything a person may choose of a training and of the predictions that validate it."""

    model: ModelSettings = ModelSettings()
    train: TrainConfig = TrainConfig()
    predict: PredictConfig = PredictConfig()


def read_run_config(recipe: str | None = None, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a run's settings from a recipe and from overrides such as `train.batch_size=8`.

    Args:
        recipe: a YAML file, or the name of a bundled recipe; None keeps the defaults.
        overrides: dotted path, equals sign, YAML value.

    Raises:
        ConfigError: an unknown recipe or key, or a value out of range.
    """
    settings = _read_recipe(recipe) if recipe else {}
    for override in overrides:
        path, equals, text = override.partition("=")
        value = _yaml_value(text) if equals else None
        if value is None and text.strip() not in ("null", "~"):
            raise ConfigError(
                f"{override!r} is not a setting. Write it as path=value, for example "
                "train.batch_size=8."
            )
        _assign(settings, path.strip().split("."), value)
    return validated(RunConfig, settings)


def with_predict(config: PredictConfig, **changes: Any) -> PredictConfig:
    """The same settings with some changed; `sampler` may be a name, `steps` are the sampler's."""
    values = config.model_dump()
    steps = changes.pop("steps", None)
    for key, value in changes.items():
        if value is not None:
            values[key] = (
                {"name": value, "steps": config.sampler.steps} if key == "sampler" else value
            )
    if steps is not None:
        values["sampler"]["steps"] = steps
    return validated(PredictConfig, values)


def validated(kind: type[Config], values: dict[str, Any]) -> Any:
    """Check values against a settings class.

    Raises:
        ConfigError: names each wrong setting, what was given and what is expected.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"These settings cannot be used: {faults(error)}.") from None


def faults(error: ValidationError) -> str:
    """What is wrong with which setting, in one line."""
    return "; ".join(
        f"{'.'.join(map(str, e['loc']))}: {e['msg']} (given: {_shortened(e['input'])})"
        for e in error.errors()
    )


def _read_recipe(recipe: str) -> dict[str, Any]:
    bundled = RECIPES / f"{recipe}.yaml"
    path = bundled if bundled.is_file() else Path(recipe)
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in RECIPES.glob("*.yaml")))
        raise ConfigError(
            f"There is no recipe {recipe!r}: give a YAML file, or one of the bundled ones: {known}."
        )
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path} holds no settings: expected a mapping with model, train and predict."
        )
    return values


def _yaml_value(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _assign(settings: dict[str, Any], path: list[str], value: Any) -> None:
    *parents, last = path
    default: Any = RunConfig().model_dump()
    for key in parents:
        default = default.get(key) if isinstance(default, dict) else None
        part = default.get("name") if isinstance(default, dict) else None
        inner = settings.setdefault(key, {} if part is None else part)
        if isinstance(inner, str):  # a part given by its name only
            settings[key] = inner = {"name": inner}
        if not isinstance(inner, dict):
            raise ConfigError(f"{'.'.join(path)} is not a setting: {key} has no parts.")
        settings = inner
    settings[last] = value


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
