"""The end of a training: the best weights on their own, with what validation chose for them.

Checkpoints are never touched again once they are written, so a kill at any moment loses nothing.
"""

from __future__ import annotations

from medsegdiff.data import Familiar
from medsegdiff.data.study_files import count_text
from medsegdiff.engine.calibration import Fitted, FittedTemperature, fit
from medsegdiff.engine.checkpoint import TrainingState
from medsegdiff.engine.model_location import AVERAGED_FILE, FINAL, WEIGHTS_FILE, pointer
from medsegdiff.engine.planning import final_studies
from medsegdiff.engine.progress import TrainingObserver
from medsegdiff.engine.run_setup import RunSetup
from medsegdiff.engine.step_count import Progress
from medsegdiff.engine.validation import ValidationResult
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.engine.weights_file import read_weights, write_checksums, write_weights
from medsegdiff.errors import CheckpointError
from medsegdiff.files import atomic_folder, write_json


def finish(
    setup: RunSetup, state: TrainingState, observer: TrainingObserver, progress: Progress
) -> ValidationResult:
    """Validate the best weights, and find their temperature, their threshold and what they know.

    Args:
        setup: of the run.
        state: where the training has ended.
        observer: is told what is found.
        progress: called with the steps of each study; what it raises breaks the validation off.
    """
    best = pointer(setup.fold_folder, "best")
    if best is None:
        raise CheckpointError(
            f"{setup.fold_folder} was never validated, so there are no best weights. Train on, or "
            "anew with --resume never."
        )
    folder = setup.fold_folder / best
    studies, drawn = final_studies(setup), setup.config.predict
    work = f", {drawn.members} member(s) of {drawn.sampler.steps} step(s) each"
    observer.noted(
        f"Validating the best weights (step {state.best_step}) on {count_text(len(studies))}"
        f"{work if setup.trainer.network.denoises else ''}."
    )
    model = TrainedModel.load(folder / AVERAGED_FILE, str(setup.trainer.device))
    fitted = fit(model, setup.dataset, studies, setup.config.predict, progress)
    temperature, result = fitted.temperature, fitted.validation
    intensity = model.config.preparation.intensity
    familiar = Familiar.fit(setup.dataset, setup.splits.train, intensity)
    content = read_weights(folder / AVERAGED_FILE)
    sealed = fitted.model.config.model_copy(update={"familiar": familiar})
    with atomic_folder(setup.fold_folder / FINAL) as final:
        write_weights(final / WEIGHTS_FILE, content.tensors, sealed, content.predict)
        write_checksums(final, [WEIGHTS_FILE])
    write_results(setup, state.best_step, fitted)
    observer.noted(_spelt(temperature))
    if not model.config.coding.is_exclusive:
        observer.noted(f"Foreground is from probability {result.threshold}, the best of them.")
    return result


def _spelt(found: FittedTemperature) -> str:
    before, after = found.before, found.after
    line = (
        f"The masks are likeliest at temperature {found.temperature}: negative log-likelihood "
        f"{before.nll:.4f} before, {after.nll:.4f} after; calibration error {before.ece:.4f} and "
        f"{after.ece:.4f}."
    )
    if found.says_nothing:
        line += (
            " No temperature up to there makes the probabilities true: the model has not learnt "
            "to tell foreground from background. Train it longer, or see whether images and masks "
            "belong together (`medsegdiff verify DATA -o sheet.png`)."
        )
    return line


def write_results(setup: RunSetup, step: int, fitted: Fitted) -> None:
    """Write what the validation of the best weights found, beside their fold."""
    result, temperature = fitted.validation, fitted.temperature
    write_json(
        setup.fold_folder / "validation" / "summary.json",
        {
            "dice": result.dice,
            "threshold": result.threshold,
            "temperature": temperature.temperature,
            "studies": result.per_study,
            "step": step,
            "predict": setup.config.predict.model_dump(mode="json"),
            "rule": "mean over studies and foreground classes at native size; "
            "two empty masks count as 1, one empty as 0",
        },
    )
    write_json(
        setup.fold_folder / "calibration.json",
        {"threshold": result.threshold, **temperature.to_json()},
    )
