"""With what a result was made: program, model, settings, hashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import medsegdiff
from medsegdiff.engine.report.commands import model_name
from medsegdiff.engine.report.out_files import OutFiles
from medsegdiff.engine.report.wording import flattened, spelt


def out_facts(files: OutFiles) -> dict[str, Mapping[str, str]]:
    """Model, settings, evaluation and hashes of OUT; what is not known is left out."""
    run, evaluation = files.run_report.content, dict(files.evaluation)
    for folder in ("reference", "prediction", "run_report_sha256"):
        evaluation.pop(folder, None)  # a folder may be called as a patient
    found = {
        "Prediction": _prediction(run) if run else {},
        "Settings of the prediction": flattened(run.get("predict", {})),
        "Evaluation": flattened(evaluation),
        "Files (SHA-256)": dict(files.hashes),
        "Images (hash of their voxels)": {
            study: entry["input_hash"]
            for study, entry in files.studies.items()
            if entry.get("input_hash")
        },
    }
    return {
        "Report": {"medsegdiff": medsegdiff.__version__},
        **{title: facts for title, facts in found.items() if facts},
    }


def _prediction(run: Mapping[str, Any]) -> dict[str, str]:
    """The model and where it ran."""
    keys = ("version", "weights_hash", "threshold", "device", "threads", "n_done", "n_failed")
    known = {key.replace("_", " "): spelt(run.get(key)) for key in keys}
    classes = ", ".join(run.get("labels", {}).get("names", []))
    seconds = f"{run['seconds']:.0f}" if run.get("seconds") is not None else "not set"
    is_finished = spelt(run.get("is_finished"))
    return {
        "model": model_name(run),
        "classes": classes,
        **known,
        "seconds": seconds,
        "finished": is_finished,
    }
