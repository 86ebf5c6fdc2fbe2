"""What flags on the command line mean to the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from medsegdiff.errors import ConfigError

PLACES = {"steps": "sampler.steps", "sampler": "sampler.name"}  # of flags with a name of their own


def budget(max_minutes: float | None, max_hours: float | None, max_steps: int | None) -> list[str]:
    """The flags that end a training, as settings.

    Raises:
        ConfigError: minutes and hours are both given.
    """
    if max_minutes is not None and max_hours is not None:
        raise ConfigError("Give --max-minutes or --max-hours, not both.")
    minutes = max_minutes if max_hours is None else max_hours * 60
    given = {"train.max_minutes": minutes, "train.max_steps": max_steps}
    return [f"{path}={value}" for path, value in given.items() if value is not None]


def check_given_once(flags: Mapping[str, Any], words: Iterable[str]) -> None:
    """Refuse a setting that a flag gives and a word gives again.

    Args:
        flags: their values by the path of the setting; None where a flag is not given.
        words: settings, "members=1" or "predict.members=1".

    Raises:
        ConfigError: names both.
    """
    paths = [PLACES.get(path, path) for path, value in flags.items() if value is not None]
    for word in words:
        given = word.partition("=")[0].strip().removeprefix("predict.")
        for path in paths:
            if path == given or path.startswith(f"{given}."):
                raise ConfigError(
                    f"{path} is given twice: by a flag, and as {word}. Leave one of them out."
                )


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
