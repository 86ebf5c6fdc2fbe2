"""What was given on the command line, as PATH=VALUE and as flags, for the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from medsegdiff.engine.config import PredictConfig, validated, with_predict
from medsegdiff.errors import ConfigError


def predict_config(
    config: PredictConfig, settings: Sequence[str] | None, **flags: Any
) -> PredictConfig:
    """The settings kept with the weights, with those of the command line.

    Args:
        config: from the weights.
        settings: such as `ensemble=staple` or `predict.keep_largest=true`.
        flags: by name; None leaves a setting as it is.

    Raises:
        ConfigError: no such setting, or a value out of range.
    """
    values = with_predict(config, **flags).model_dump()
    for setting in settings or ():
        path, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(
                f"{setting!r} is not a setting. Write it as path=value, for example "
                "ensemble=staple; images are given with -i."
            )
        _assign(values, path.removeprefix("predict."), _value(text))
    return validated(PredictConfig, values)


def budget(max_minutes: float | None, max_hours: float | None, max_steps: int | None) -> list[str]:
    """The flags that end a training, as settings."""
    minutes = max_minutes if max_hours is None else max_hours * 60
    given = {"train.max_minutes": minutes, "train.max_steps": max_steps}
    return [f"{path}={value}" for path, value in given.items() if value is not None]


def fold_number(fold: str) -> Any:
    """A fold's number, or "all".

    Raises:
        ConfigError: neither.
    """
    if fold == "all":
        return fold
    if not fold.isdecimal():
        raise ConfigError(f"There is no fold {fold!r}: give a number (0, 1 ...) or all.")
    return int(fold)


def _assign(values: dict[str, Any], path: str, value: Any) -> None:
    """Set one value, by a path such as `sampler.eta`."""
    *parents, last = path.split(".")
    for key in parents:
        inner = values.get(key)
        values[key] = {"name": inner} if isinstance(inner, str) else inner
        values = values[key]
        if not isinstance(values, dict):
            raise ConfigError(f"There is no setting {path!r}: {key!r} has no parts.")
    values[last] = value


def _value(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(
            f"{text!r} is not a value. Quote it, or give a number or a word."
        ) from None
