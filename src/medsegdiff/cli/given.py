"""What flags on the command line mean to the engine."""

from __future__ import annotations

from typing import Any

from medsegdiff.errors import ConfigError


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
