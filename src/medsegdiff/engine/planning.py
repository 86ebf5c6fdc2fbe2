"""Where a training begins: at its newest valid checkpoint, or with a fresh plan."""

from __future__ import annotations

import json
import time
from dataclasses import replace

from medsegdiff.engine.budget import (
    Measured,
    ValidationCost,
    measure,
    steps_in,
    validations_in,
)
from medsegdiff.engine.calibration import STUDIES_FITTED
from medsegdiff.engine.checkpoint import (
    TrainingState,
    checkpoint_folder,
    newest_valid,
    restore,
)
from medsegdiff.engine.precision import uses_bf16
from medsegdiff.engine.progress import TrainingObserver, TrainingPlan
from medsegdiff.engine.run_setup import FREE, RunSetup
from medsegdiff.engine.run_splits import left_out
from medsegdiff.engine.settings import differences
from medsegdiff.engine.validation import evenly_spread, validate
from medsegdiff.errors import CheckpointError

DEFAULT_STEPS = 2000
VALIDATION_MEMBERS = 2  # enough to see which weights are better


def resumed(
    setup: RunSetup, accept_changes: bool, observer: TrainingObserver
) -> TrainingState | None:
    """Fill the trainer from the newest valid checkpoint; None if there is none."""
    damaged = 0
    for folder, found in newest_valid(setup.fold_folder):
        if isinstance(found, str):
            observer.noted(f"Left out {folder.name}: {found}.")
            damaged += 1
            continue
        changed = [
            what
            for what, now, then in (
                ("settings", setup.config_hash, found.config_hash),
                ("data", setup.data_hash, found.data_hash),
            )
            if now != then
        ]
        if changed and not accept_changes:
            raise CheckpointError(
                f"{folder} was made with other {' and '.join(changed)}{changed_settings(setup)}. "
                "Choose another run folder, go on all the same with --accept-changes, or start "
                "anew with --resume never."
            )
        restore(folder, setup.trainer.network, setup.trainer.averaged, setup.trainer.optimizer)
        setup.trainer.averaged.updates = found.averaged_updates
        observer.noted(f"Going on from {folder.name}.")
        return adapted(setup, found, observer)
    if damaged:
        observer.noted("No whole checkpoint is left, so the training starts anew.")
    return None


def changed_settings(setup: RunSetup) -> str:
    """Which settings are not those that the run was begun with, in brackets."""
    file = setup.fold_folder.parent / "config.json"
    try:
        then = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    shaping = ("model.", "train.")
    found = [
        line
        for line in differences(setup.config, then)
        if line.startswith(shaping) and line.split(":")[0].split(".")[1] not in FREE
    ]
    return f" ({'; '.join(found)})" if found else ""


def adapted(setup: RunSetup, found: TrainingState, observer: TrainingObserver) -> TrainingState:
    """The found state with what the new call has changed, and what has been lost since.

    A budget in minutes stays the number of steps that it once came to; other `max_steps` are taken.
    """
    settings = setup.config.train
    state = replace(found, config_hash=setup.config_hash, data_hash=setup.data_hash)
    wanted = settings.max_steps if settings.max_minutes is None else None
    if wanted is not None and wanted < state.step:
        observer.noted(
            f"{state.step} steps are done already, which is more than {wanted}: the training ends "
            "with these. --resume never starts anew."
        )
        state = replace(state, total_steps=state.step)
    elif wanted not in (None, state.total_steps):
        observer.noted(f"{wanted} steps in all, no longer {state.total_steps}.")
        state = replace(state, total_steps=wanted)
    if settings.max_minutes is not None:
        observer.noted(
            f"A budget in minutes becomes steps once, when a training begins: here "
            f"{state.total_steps}. --max-steps changes them."
        )
    if "validations" in settings.model_fields_set:
        state = replace(state, validations=None)
    if not checkpoint_folder(setup.fold_folder, state.best_step).is_dir():
        state = replace(state, best_dice=-1.0, best_step=-1)
    return state


def planned(setup: RunSetup, observer: TrainingObserver) -> TrainingState:
    """A fresh state; a budget in minutes is turned into steps here, once."""
    settings = setup.config.train
    measured = measure(setup.trainer)
    steps, validations = settings.max_steps or DEFAULT_STEPS, None
    if settings.max_minutes is not None:
        cost = validation_cost(setup)
        count = setup.team.agreed(affordable_validations(setup, cost, observer))
        validations = count if count != settings.validations else None
        fitting = steps_in(settings.max_minutes, measured.seconds_per_step, cost.of(count))
        steps = min(fitting, settings.max_steps or fitting)
    steps = setup.team.agreed(steps)
    state = TrainingState(
        step=0,
        total_steps=steps,
        best_dice=-1.0,
        best_step=-1,
        stale_validations=0,
        averaged_updates=0,
        config_hash=setup.config_hash,
        data_hash=setup.data_hash,
        seconds=0.0,
        validations=validations,
    )
    announce(setup, state, measured, observer)
    return state


def affordable_validations(
    setup: RunSetup, cost: ValidationCost, observer: TrainingObserver
) -> int:
    """How often the minutes allow to validate; as often as asked, where it is asked for."""
    settings, minutes = setup.config.train, setup.config.train.max_minutes or 0.0
    count = settings.validations
    if "validations" not in settings.model_fields_set:
        count = validations_in(minutes, cost, count)
    if count < settings.validations:
        observer.noted(
            f"Validated {count} time(s) instead of {settings.validations}, so that the minutes go "
            f"into training; train.validations={settings.validations} asks for all."
        )
    if cost.of(count) > 60 * minutes / 3:
        observer.noted(
            f"Validation will take about {cost.of(count) / 60:.0f} of the {minutes:g} minutes: "
            "fewer predict.members or predict.sampler.steps leave more of them for training."
        )
    return count


def announce(
    setup: RunSetup, state: TrainingState, measured: Measured | None, observer: TrainingObserver
) -> None:
    """Tell the observer what is about to happen."""
    trainer = setup.trainer
    if unused := left_out(setup.dataset):
        observer.noted(unused)
    if setup.config.predict.spread and not any(map(setup.dataset.raters, setup.splits.train)):
        observer.noted(
            "Members will include more or less, as people do (predict.spread), but no training "
            "study has masks of several raters (raters/<rater>/NAME.png): so nothing tells whether "
            "they differ as people would."
        )
    is_bf16 = uses_bf16(setup.config.train.precision, trainer.device)
    observer.started(
        TrainingPlan(
            steps=state.total_steps,
            first_step=state.step,
            parameters=sum(p.numel() for p in trainer.network.parameters()),
            studies=(len(setup.splits.train), len(setup.splits.val)),
            grid_size=trainer.model.grid_size,
            device=f"{trainer.device}, {'bf16' if is_bf16 else 'fp32'}",
            seconds_per_step=measured.seconds_per_step if measured else None,
            memory_gb=measured.memory_gb if measured else None,
            reasons=setup.plan.reasons,
        )
    )


def validation_studies(setup: RunSetup) -> list[str]:
    """The studies that every validation of this run looks at."""
    return evenly_spread(setup.splits.val, setup.config.train.validation_studies)


def final_studies(setup: RunSetup) -> list[str]:
    """The studies on which the finished model is validated and its threshold is chosen."""
    val = setup.splits.val
    return evenly_spread(val, setup.config.train.final_studies or len(val))


def validation_cost(setup: RunSetup) -> ValidationCost:
    """What the validations of a run take; measured on two studies."""
    studies = validation_studies(setup)
    config = setup.config.predict.model_copy(update={"members": VALIDATION_MEMBERS})
    start = time.perf_counter()
    validate(setup.averaged_model(), setup.dataset, studies[:2], config)
    per_study = (time.perf_counter() - start) / len(studies[:2])
    count = len(final_studies(setup))
    passes = count + min(count, STUDIES_FITTED)  # those for the temperature are predicted twice
    at_the_end = passes * max(1, setup.config.predict.members / config.members)
    return ValidationCost(per_study * len(studies), per_study * at_the_end)
