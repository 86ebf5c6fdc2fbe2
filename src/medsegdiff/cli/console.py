"""What a person or a program sees: results on stdout, the log and a progress bar on stderr."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def result(line: str) -> None:
    """One line of a result."""
    print(line, flush=True)


def json_result(**values: Any) -> None:
    """One result as a line of JSON; unknown is null."""
    print(json.dumps(_known(values), ensure_ascii=False, default=str, allow_nan=False), flush=True)


def _known(value: Any) -> Any:
    """The same value with null for every number that is not finite."""
    if isinstance(value, dict):
        return {key: _known(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_known(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def log(message: str) -> None:
    """Something to know that is not a result."""
    print(message, file=sys.stderr, flush=True)


class Bar:
    """Does nothing: the bar where no terminal is there to show it."""

    def at(self, done: int, total: int, note: str = "") -> None:
        """So much is done."""

    def within(self, done: int, total: int) -> None:
        """So many steps of the study in hand are done."""


class TerminalBar(Bar):
    """A line with the share done and the time left.

    Args:
        progress: rich's display, started.
        what: is being done.
    """

    def __init__(self, progress: Any, what: str) -> None:
        self._progress = progress
        self._task = progress.add_task(what, total=None, note="")
        self._whole = 0

    def at(self, done: int, total: int, note: str = "") -> None:
        self._whole = done
        self._progress.update(self._task, completed=done, total=total, note=note)

    def within(self, done: int, total: int) -> None:
        note = f"step {done} of {total}" if done < total else "writing"
        self._progress.update(self._task, completed=self._whole + done / total, note=note)


class LogBar(Bar):
    """Lines for a log: where a study takes long, how far it is, once in a while.

    Args:
        seconds: between two lines, and before the first.
        clock: seconds since whenever.
    """

    def __init__(self, seconds: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._begun = self._told = 0.0

    def within(self, done: int, total: int) -> None:
        now = self._clock()
        if done == 0:
            self._begun = self._told = now
        elif done < total and now - self._told >= self._seconds:
            self._told = now
            left = (now - self._begun) / done * (total - done)
            log(f"step {done} of {total} of this study, {spelt_time(left)} left")


@contextmanager
def bar(what: str, is_wanted: bool = True) -> Iterator[Bar]:
    """A progress bar on stderr if that is a terminal; elsewhere lines about what takes long."""
    if not is_wanted or not sys.stderr.isatty():
        yield LogBar() if is_wanted else Bar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeLeft(),
        TextColumn("{task.fields[note]}"),
    )
    are_together = sys.stdout.isatty()
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=are_together
    ) as progress:
        yield TerminalBar(progress, what)


def spelt_time(seconds: float) -> str:
    """A duration in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def spelt(value: Any) -> str:
    """A fact as a person would write it."""
    if value is None:
        return "unknown"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {spelt(one)}" for key, one in value.items())
    return ", ".join(map(spelt, value)) if isinstance(value, (list, tuple)) else str(value)
