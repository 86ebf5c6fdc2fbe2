"""The end of a training: the best weights, with the threshold chosen on validation, on their own.

Checkpoints are never touched again once they are written, so a kill at any moment loses nothing.
"""

from __future__ import annotations

from medsegdiff.engine.checkpoint import TrainingState
from medsegdiff.engine.model_location import AVERAGED_FILE, FINAL, WEIGHTS_FILE, pointer
from medsegdiff.engine.planning import final_studies
from medsegdiff.engine.progress import TrainingObserver
from medsegdiff.engine.run_setup import RunSetup
from medsegdiff.engine.validation import THRESHOLDS, ValidationResult, validate
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.engine.weights_file import read_weights, write_checksums, write_weights
from medsegdiff.errors import CheckpointError
from medsegdiff.files import atomic_folder, write_json


def finish(setup: RunSetup, state: TrainingState, observer: TrainingObserver) -> ValidationResult:
    """Validate the best weights on all validation studies and choose the threshold."""
    best = pointer(setup.fold_folder, "best")
    if best is None:
        raise CheckpointError(
            f"{setup.fold_folder} was never validated, so there are no best weights. Train on, or "
            "anew with --resume never."
        )
    folder = setup.fold_folder / best
    studies, members = final_studies(setup), setup.config.predict.members
    observer.noted(
        f"Validating the best weights (step {state.best_step}) on {len(studies)} validation "
        f"studies, {members} member(s) each."
    )
    model = TrainedModel.load(folder / AVERAGED_FILE, str(setup.trainer.device))
    result = validate(model, setup.dataset, studies, setup.config.predict, THRESHOLDS)
    content = read_weights(folder / AVERAGED_FILE)
    sealed = content.config.model_copy(update={"threshold": result.threshold})
    with atomic_folder(setup.fold_folder / FINAL) as final:
        write_weights(final / WEIGHTS_FILE, content.tensors, sealed, content.predict)
        write_checksums(final, [WEIGHTS_FILE])
    write_json(
        setup.fold_folder / "validation" / "summary.json",
        {
            "dice": result.dice,
            "threshold": result.threshold,
            "studies": result.per_study,
            "step": state.best_step,
            "predict": setup.config.predict.model_dump(mode="json"),
            "rule": "mean over studies and foreground classes at native size; "
            "two empty masks count as 1, one empty as 0",
        },
    )
    if model.config.labels.classes == 2:
        observer.noted(f"Foreground is from probability {result.threshold}, the best of them.")
    return result
