"""Settings given on the command line as PATH=VALUE and as flags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from medsegdiff.engine.config import PredictConfig, with_predict
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
    for setting in settings or ():
        path, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(
                f"{setting!r} is not a setting. Write it as path=value, for example "
                "ensemble=staple; images are given with -i."
            )
        flags[path.removeprefix("predict.")] = yaml.safe_load(value)
    return with_predict(config, **flags)


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
