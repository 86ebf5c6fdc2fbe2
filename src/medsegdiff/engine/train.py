"""Training: from a data set to a run folder whose best weights can be used at once."""

from __future__ import annotations

import shutil
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from medsegdiff.data import Dataset
from medsegdiff.engine.checkpoint import TrainingState, discard, point, save_checkpoint, sweep
from medsegdiff.engine.config import RunConfig
from medsegdiff.engine.finish import finish
from medsegdiff.engine.model_location import FINAL
from medsegdiff.engine.planning import (
    VALIDATION_MEMBERS,
    announce,
    planned,
    resumed,
    validation_studies,
)
from medsegdiff.engine.progress import TrainingObserver
from medsegdiff.engine.run_lock import held
from medsegdiff.engine.run_log import RunLog
from medsegdiff.engine.run_setup import RunSetup, describe, set_up
from medsegdiff.engine.run_splits import Fold
from medsegdiff.engine.stopping import StopRequest, listening
from medsegdiff.engine.validation import validate
from medsegdiff.errors import Interrupted

SAVE_SECONDS = 300.0  # at most so much work is lost to a crash


@dataclass(frozen=True)
class TrainingResult:
    """What a training came to.

    Args:
        fold_folder: RUN/fold_k.
        dice: of the best averaged weights on all validation studies, as predictions are drawn,
            mean over studies and classes.
        best_step: whose weights are the best.
        steps: taken in all.
    """

    fold_folder: Path
    dice: float
    best_step: int
    steps: int


def train(
    dataset: Dataset,
    run: Path,
    config: RunConfig,
    *,
    fold: Fold = 0,
    resume: Literal["auto", "never"] = "auto",
    init: str | None = None,
    accept_changes: bool = False,
    device: str = "auto",
    observer: TrainingObserver | None = None,
) -> TrainingResult:
    """Train one fold, from scratch or from its newest valid checkpoint.

    Args:
        dataset: images with masks.
        run: the RUN folder; may hold other folds.
        config: the run's settings.
        fold: number of the fold, or "all" to train on everything but the test split.
        resume: "auto" goes on where the run stopped, "never" starts anew.
        init: a model to start from.
        accept_changes: resume although settings or data have changed.
        device: "auto", "cpu", "cuda", ...
        observer: is told what happens, by the first process if there are several.

    Raises:
        DataError: the data set cannot be trained on.
        CheckpointError: the run does not fit the settings or the data, or another training is at
            work in it.
        NumericalError: the loss was not finite several times in a row.
        Interrupted: a signal asked to stop; the state is saved.
    """
    setup = set_up(dataset, run, config, fold, init, device)
    if observer is None or not setup.team.is_first:
        observer = TrainingObserver()  # of several processes, one speaks
    with held(setup.fold_folder) if setup.team.is_first else nullcontext():
        result = trained(setup, resume == "auto", accept_changes, observer)
    setup.team.leave()
    return result


def trained(
    setup: RunSetup, is_resumed: bool, accept_changes: bool, observer: TrainingObserver
) -> TrainingResult:
    """Train as was set up; arguments as in `train`."""
    state = resumed(setup, accept_changes, observer) if is_resumed else None
    if state is None:
        state = planned(setup, observer)
    else:
        announce(setup, state, None, observer)
    if setup.team.is_first:
        tidy(setup, state)
        describe(setup, setup.fold_folder.parent)
    with listening() as stop:
        state = Loop(setup, state, observer, stop).run()

        def heed_stop(*_: int) -> None:
            if stop.signal_number:
                raise Interrupted(
                    "Stopped in the last validation. The training itself has ended and is saved in "
                    f"{setup.fold_folder}; the same command validates its best weights.",
                    stop.signal_number,
                )

        found = finish(setup, state, observer, heed_stop) if setup.team.is_first else None
    dice = setup.team.agreed_float(found.dice if found else 0.0)  # all wait for the first
    return TrainingResult(setup.fold_folder, dice, state.best_step, state.step)


def tidy(setup: RunSetup, state: TrainingState) -> None:
    """Make the fold's folder agree with the state that the training begins with."""
    sweep(setup.fold_folder)
    if state.step < state.total_steps:
        shutil.rmtree(setup.fold_folder / FINAL, ignore_errors=True)
    if state.step == 0:
        discard(setup.fold_folder)
    else:
        point(setup.fold_folder, state)


class Loop:
    """Steps, validations and checkpoints, one after the other."""

    def __init__(
        self, setup: RunSetup, state: TrainingState, observer: TrainingObserver, stop: StopRequest
    ) -> None:
        self.setup = setup
        self.state = state
        self.observer = observer
        self.stop = stop
        self.log = (
            RunLog(setup.fold_folder / "metrics.jsonl", state.step) if setup.team.is_first else None
        )
        self.started = time.perf_counter() - state.seconds
        self.first_step = state.step
        self.resumed_at = time.perf_counter()
        self.saved_at = time.perf_counter()
        self.saved_step = state.step

    def run(self) -> TrainingState:
        """Go on until the steps are done or nothing gets better any more."""
        total = self.state.total_steps
        if self.state.awaits_validation:
            self.validate()
        while self.state.step < total and not self.is_stale():
            self.advance(self.step(total))
            if self.is_validation_due():
                self.validate()
            elif time.perf_counter() - self.saved_at > SAVE_SECONDS:
                self.save()
            self.answer_stop()
        return self.state

    def step(self, total: int) -> float:
        """Train on the next batch; tell if it had to be cut into smaller parts."""
        trainer = self.setup.trainer
        before = trainer.rows_at_once
        loss = trainer.step(self.state.step, total)
        if trainer.rows_at_once < before:
            self.observer.noted(
                f"The device's memory is too small for {before} images at once, so batches go "
                f"through the network in parts of {trainer.rows_at_once}."
            )
        return loss

    def advance(self, loss: float) -> None:
        """Count the step and report it."""
        step, total = self.state.step + 1, self.state.total_steps
        now = time.perf_counter()
        self.state = replace(self.state, step=step, seconds=now - self.started)
        if loss != loss:
            self.observer.noted(
                f"The loss of step {step} was not finite, so the weights were left as they are. "
                f"Its studies: {', '.join(self.setup.trainer.batches.names(step - 1))}."
            )
        pace = (now - self.resumed_at) / (step - self.first_step)
        if self.log:
            self.log.add(
                step=step, loss=loss if loss == loss else None, seconds=round(self.state.seconds, 2)
            )
        self.observer.stepped(step, total, loss, pace * (total - step))

    def is_validation_due(self) -> bool:
        """At equal distances over the run, and at its end."""
        count = self.state.validations or self.setup.config.train.validations
        total = self.state.total_steps
        step = self.state.step
        return step == total or step * count // total > (step - 1) * count // total

    def is_stale(self) -> bool:
        """Whether patience is exhausted."""
        patience = self.setup.config.train.patience
        return patience is not None and self.state.stale_validations >= patience

    def validate(self) -> None:
        """Validate and save; what breaks the validation off leaves it to be done on resuming."""
        self.state = replace(self.state, awaits_validation=True)
        try:
            self.note_dice()
        finally:
            self.save()

    def note_dice(self) -> None:
        """Draw masks with the averaged weights and note whether they are the best so far."""
        dice = 0.0
        if self.setup.team.is_first:
            config = self.setup.config.predict.model_copy(update={"members": VALIDATION_MEMBERS})
            picture = self.setup.fold_folder / "samples" / f"step_{self.state.step:07d}.png"
            studies = validation_studies(self.setup)
            model, is_alone = self.setup.averaged_model(), self.setup.team.size == 1
            heeding = self.heed_stop if is_alone else None  # a team stops together, after it
            dice = validate(
                model, self.setup.dataset, studies, config, picture=picture, progress=heeding
            ).dice
        dice = self.setup.team.agreed_float(dice)
        is_best = dice > self.state.best_dice
        self.state = replace(
            self.state,
            best_dice=dice if is_best else self.state.best_dice,
            best_step=self.state.step if is_best else self.state.best_step,
            stale_validations=0 if is_best else self.state.stale_validations + 1,
            awaits_validation=False,
        )
        if self.log:
            self.log.add(step=self.state.step, dice=dice)
            self.log.draw(self.setup.fold_folder / "progress.png")
        self.observer.validated(self.state.step, dice, is_best)

    def save(self) -> None:
        """Write a checkpoint."""
        trainer = self.setup.trainer
        self.state = replace(self.state, averaged_updates=trainer.averaged.updates)
        if self.setup.team.is_first:
            save_checkpoint(
                self.setup.fold_folder,
                self.state,
                trainer.network,
                trainer.averaged,
                trainer.optimizer,
                trainer.model,
                self.setup.config.predict,
            )
        self.saved_at = time.perf_counter()
        self.saved_step = self.state.step

    def answer_stop(self) -> None:
        """Save and leave, if a signal asked for it."""
        number = (
            self.setup.team.agreed(self.stop.signal_number)
            if self.setup.team.size > 1
            else self.stop.signal_number
        )
        if number:
            if self.saved_step != self.state.step:
                self.save()
            raise self.interrupted(number)

    def heed_stop(self, *_: int) -> None:
        """Break a validation off, if a signal asked for it."""
        if self.stop.signal_number:
            raise self.interrupted(self.stop.signal_number)

    def interrupted(self, number: int) -> Interrupted:
        """The end of this call, for the user."""
        unfit = " It has not been validated yet, so it cannot predict."
        return Interrupted(
            f"Stopped after step {self.state.step} of {self.state.total_steps}; the state is "
            f"saved in {self.setup.fold_folder}. The same command goes on from here."
            + (unfit if self.state.best_step < 0 else ""),
            number,
        )
