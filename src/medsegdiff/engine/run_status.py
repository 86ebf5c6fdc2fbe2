"""Where a training stands, as far as its RUN folder tells; nothing of the training is loaded."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medsegdiff.engine.model_location import FINAL, STATE_FILE, pointer
from medsegdiff.engine.run_lock import is_held
from medsegdiff.engine.run_log import smoothed

QUIET_SECONDS = 300.0  # without a lock: what has written nothing for so long has stopped
PACE_STEPS = 100  # the last so many tell how long the rest takes
PICTURE = re.compile(r"step_(\d+)\.png")
Line = dict[str, Any]
State = Literal["waiting", "preparing", "running", "stopped", "finished"]


@dataclass(frozen=True)
class RunStatus:
    """What a page shows of a training.

    Args:
        name: of the RUN folder, with the fold.
        state: waiting is before a training has begun, preparing before its first step.
        step, total_steps: done and in all; the latter None where nothing says so.
        eta_seconds: until the last step; None unless it runs.
        loss, dice: points (step, value); the loss as means over equal stretches.
        best: step and value of the highest validation Dice; None before the first.
        pictures: of the validations, by step.
    """

    name: str
    state: State
    step: int
    total_steps: int | None
    eta_seconds: float | None
    loss: tuple[tuple[float, float], ...]
    dice: tuple[tuple[float, float], ...]
    best: tuple[int, float] | None
    pictures: dict[int, Path]


class RunWatcher:
    """Reads what a training has added to its log since the last look.

    Args:
        run: the RUN folder, which may not be there yet; of several folds the newest is watched.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self._file: Path | None = None
        self._read, self._inode = 0, 0
        self._lines: list[Line] = []

    def status(self) -> RunStatus:
        """Where the training stands now."""
        fold = newest_fold(self.run)
        self._follow(fold / "metrics.jsonl")
        steps = [line for line in self._lines if "loss" in line]
        scores = [(line["step"], line["dice"]) for line in self._lines if "dice" in line]
        step = max((line["step"] for line in self._lines), default=0)
        total = total_steps(self.run, fold)
        state = self._state(fold)
        best = max(scores, key=lambda point: point[1], default=None)
        return RunStatus(
            name=f"{self.run.name}, {fold.name}" if self._lines else self.run.name,
            state=state,
            step=step,
            total_steps=step if state == "finished" else total,
            eta_seconds=seconds_left(steps, total) if state == "running" else None,
            loss=tuple(
                smoothed(
                    [(line["step"], line["loss"]) for line in steps if line["loss"] is not None]
                )
            ),
            dice=tuple(scores),
            best=best,
            pictures=validation_pictures(fold),
        )

    def _state(self, fold: Path) -> State:
        if not self._lines or self._file is None:
            return "preparing" if is_held(fold) else "waiting"
        if (fold / FINAL).is_dir():
            return "finished"
        is_alive = is_held(fold)
        if is_alive is None:
            is_alive = time.time() - _written(self._file) < QUIET_SECONDS
        return "running" if is_alive else "stopped"

    def _follow(self, file: Path) -> None:
        """Read whole lines that are new; a resumed training writes its log anew."""
        try:
            there = file.stat()
        except OSError:
            self._file, self._read, self._lines = None, 0, []
            return
        if file != self._file or there.st_ino != self._inode or there.st_size < self._read:
            self._file, self._inode, self._read, self._lines = file, there.st_ino, 0, []
        with file.open("rb") as opened:
            opened.seek(self._read)
            added = opened.read()
        whole = added[: added.rfind(b"\n") + 1]  # the last line may be half written
        self._read += len(whole)
        self._lines += [line for text in whole.splitlines() if (line := _line(text)) is not None]


def newest_fold(run: Path) -> Path:
    """The fold whose log was written to last; the first one before there is any."""
    logs = [path for path in run.glob("fold_*/metrics.jsonl") if path.is_file()]
    newest = max(logs, key=_written, default=None)
    return run / "fold_0" if newest is None else newest.parent


def total_steps(run: Path, fold: Path) -> int | None:
    """Steps in all: of the newest checkpoint, or as they were asked for."""
    latest = pointer(fold, "latest")
    state = _content(fold / latest / STATE_FILE) if latest else {}
    asked = _content(run / "config.json").get("train", {})
    total = state.get("total_steps", asked.get("max_steps"))
    return total if isinstance(total, int) and total > 0 else None


def seconds_left(steps: Sequence[Line], total: int | None) -> float | None:
    """Until the last step, at the pace of the last ones; None where nobody knows."""
    last = steps[-PACE_STEPS:]
    if total is None or len(last) < 2 or last[-1]["step"] <= last[0]["step"]:
        return None
    pace = (last[-1]["seconds"] - last[0]["seconds"]) / (last[-1]["step"] - last[0]["step"])
    return round(max(0.0, pace * (total - last[-1]["step"])), 1)


def validation_pictures(fold: Path) -> dict[int, Path]:
    """The pictures of a fold's validations, by step, the first first."""
    found = {
        int(named[1]): path
        for path in (fold / "samples").glob("step_*.png")
        if (named := PICTURE.fullmatch(path.name))
    }
    return dict(sorted(found.items()))


def _line(text: bytes) -> Line | None:
    """One line of the log; None if it is not what a training writes."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    is_ours = isinstance(line, dict) and isinstance(line.get("step"), int)
    return line if is_ours and ("dice" in line or {"loss", "seconds"} <= set(line)) else None


def _content(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
