"""What is shown while a model trains: a bar on a terminal, lines elsewhere, or JSON lines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medsegdiff.cli import console
from medsegdiff.data.study_files import count_text
from medsegdiff.engine.progress import TrainingObserver, TrainingPlan
from medsegdiff.engine.train import TrainingResult

SECONDS_BETWEEN_LINES = 10.0


class LineObserver(TrainingObserver):
    """Lines on stderr, every ten seconds at most, and a bar where there is a terminal.

    Args:
        bar: to move.
        has_lines: whether steps are reported as lines, too.
    """

    def __init__(self, bar: console.Bar, has_lines: bool) -> None:
        self.bar = bar
        self.has_lines = has_lines
        self.shown_at = time.perf_counter()

    def started(self, plan: TrainingPlan) -> None:
        for reason in plan.reasons:
            console.log(reason)
        grid = " x ".join(map(str, reversed(plan.grid_size)))
        line = (
            f"{count_text(plan.studies[0])} to train on, {plan.studies[1]} to validate; "
            f"{plan.parameters / 1e6:.1f} million weights; grid {grid}; {plan.device}; "
            f"steps {plan.first_step} to {plan.steps}"
        )
        if plan.seconds_per_step is not None:
            left = (plan.steps - plan.first_step) * plan.seconds_per_step
            line += f", about {console.spelt_time(left)} beside validations"
        if plan.memory_gb is not None:
            line += f", about {plan.memory_gb:.1f} GB of memory"
        console.log(line + ".")

    def stepped(self, step: int, total: int, loss: float, seconds_left: float) -> None:
        self.bar.at(step, total, f"loss {loss:.3f}, {console.spelt_time(seconds_left)} left")
        now = time.perf_counter()
        if self.has_lines and (now - self.shown_at > SECONDS_BETWEEN_LINES or step == total):
            self.shown_at = now
            left = console.spelt_time(seconds_left)
            console.log(f"step {step} of {total}, loss {loss:.4f}, {left} left")

    def validated(self, step: int, dice: float, is_best: bool) -> None:
        console.log(f"step {step}: validation Dice {dice:.4f}{', the best' if is_best else ''}")

    def noted(self, message: str) -> None:
        console.log(message)


class JsonObserver(TrainingObserver):
    """Every event as a line of JSON on stdout."""

    def started(self, plan: TrainingPlan) -> None:
        console.json_result(event="started", **vars(plan))

    def stepped(self, step: int, total: int, loss: float, seconds_left: float) -> None:
        left = round(seconds_left, 1)
        console.json_result(event="step", step=step, total=total, loss=loss, seconds_left=left)

    def validated(self, step: int, dice: float, is_best: bool) -> None:
        console.json_result(event="validation", step=step, dice=dice, is_best=is_best)

    def noted(self, message: str) -> None:
        console.json_result(event="note", message=message)


@contextmanager
def watching(is_json: bool) -> Iterator[TrainingObserver]:
    """The observer that fits the terminal and the wish."""
    if is_json:
        yield JsonObserver()
        return
    with console.bar("training") as bar:
        yield LineObserver(bar, has_lines=not isinstance(bar, console.TerminalBar))


def show_training(result: TrainingResult, run: Path, is_json: bool) -> None:
    """The result, and what to type next."""
    if is_json:
        console.json_result(event="result", **vars(result))
        return
    console.result(
        f"{result.fold_folder}  validation Dice {result.dice:.4f}  weights of step "
        f"{result.best_step} of {result.steps}"
    )
    console.log(
        "Step and threshold were chosen on the validation studies, so this Dice is a little too "
        "good: judge the model on others."
    )
    console.log(f"To use it: medsegdiff predict -i IMAGES -o OUT -m {run}")
