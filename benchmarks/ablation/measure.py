"""What a finished training is worth: masks drawn for a split, compared at native size.

    python -m ablation.measure JOB.json

The harness writes JOB.json and starts this in a process of its own. Each way to predict is kept in
the run's folder as soon as it is measured; the small result file comes last.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from medsegdiff.data import Folder, PreparedCache
from medsegdiff.engine.calibration import fit
from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.environment import environment
from medsegdiff.engine.predict import predict
from medsegdiff.engine.settings import with_overrides
from medsegdiff.engine.validation import evenly_spread
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.files import atomic_write
from medsegdiff.metrics import HD95, CalibrationError, Dice, IoU
from medsegdiff.metrics.agreement import ged_squared, hm_iou
from medsegdiff.types import Prediction, Sample

from .leakage import leakage
from .plan import BENCHMARKS, FORMAT, OWN

HEAD = "head"  # the condition head alone
PROGRAM = "program"  # with sampler, members and fusion of a program that is told nothing
DICE_OF = "dice of "  # and the name of a structure, if there are several
DIGITS = 5


def main(job_file: Path) -> None:
    """Measure every way and write the result."""
    job = json.loads(job_file.read_text(encoding="utf-8"))
    run, data = Path(job["run"]), Folder(root=Path(job["data_folder"]))
    model = TrainedModel.load(run, job["device"])
    splits = json.loads((run / "fold_0" / "splits.json").read_text(encoding="utf-8"))
    studies = sorted(splits[job["split"]])
    ways = {name: list(words) for name, words in job["asked"].items()}
    network = model.networks[0]
    if OWN in ways and network.denoises:
        ways |= more_ways(model)
    final = job["settings"]["train"]["final_studies"]
    fitted_on = evenly_spread(splits["val"], final or len(splits["val"]))
    figures = {}
    for name, words in ways.items():
        part = run / "figures" / f"{job['split']} {name}.json"
        figures[name] = measured_once(part, model, data, studies, words, fitted_on)
    leak = leak_of(model, data, splits["val"]) if network.denoises else None
    write_result(Path(job["result"]), result_of(job, model, run, studies, figures, leak))


def more_ways(model: TrainedModel) -> dict[str, list[str]]:
    """What is measured beside a denoiser's own way, with the words for each."""
    ways = {HEAD: ["members=0"]} if has_head(model) else {}
    told, plain = model.predict, PredictConfig()
    parts = {name: getattr(plain, name) for name in ("sampler", "members", "ensemble")}
    is_like_the_default = model.config.objective.model_dump()["name"] == "logits"
    if is_like_the_default and any(getattr(told, name) != one for name, one in parts.items()):
        values = plain.model_dump(mode="json")
        ways[PROGRAM] = [f"{name}={json.dumps(values[name])}" for name in parts]
    return ways


def has_head(model: TrainedModel) -> bool:
    """Whether the network says something of the mask before it sees noise."""
    grid, channels = model.config.grid_size, len(model.config.channel_names)
    with torch.inference_mode():
        image = torch.zeros(1, channels, *grid, device=model.device)
        return model.networks[0].condition(image).logits is not None


def measured_once(
    part: Path,
    model: TrainedModel,
    data: Folder,
    studies: Sequence[str],
    words: list[str],
    fitted_on: Sequence[str],
) -> dict[str, Any]:
    """The figures of one way, from its file if that was made with the same weights and program.

    Temperature and threshold are the run's own, or for another way found on the same studies.
    """
    config = with_overrides(model.predict, words)
    made_with = {
        "format": FORMAT,
        "commit": commit(),
        "predict": config.model_dump(mode="json"),
        "weights": model.weights_hash,
        "studies": list(studies),
        "fitted_on": list(fitted_on) if words else None,
    }
    if part.is_file() and not made_with["commit"].endswith("+"):  # two such may be two programs
        found = json.loads(part.read_text(encoding="utf-8"))
        if found["made_with"] == made_with:
            return found["figures"]
    if words:
        model = fit(model, data, fitted_on, config).model
    figures = measured(model, data, studies, config)
    atomic_write(part, json.dumps({"made_with": made_with, "figures": figures}))
    return figures


def measured(
    model: TrainedModel, data: Folder, studies: Sequence[str], config: PredictConfig
) -> dict[str, Any]:
    """One value a study for each measure, and the calibration over all of them.

    Distances are in pixels. `ged2` and `hm_iou` are there where the studies have several raters.
    Seconds are those of the prediction, on a processor its own time: another program's is none.
    """
    clock = time.process_time if model.device.type == "cpu" else time.perf_counter
    calibration = CalibrationError()
    columns: dict[str, list[float | None]] = {}
    predict(data.load(studies[0]), model, config)  # the first one allocates
    for study in studies:
        sample = data.load(study)
        start = clock()
        prediction = predict(sample, model, config)
        values = {"seconds": clock() - start, **compared(prediction, sample, model)}
        for name, value in values.items():
            columns.setdefault(name, []).append(rounded(value))
        assert sample.labels is not None
        calibration.add(prediction.probability, sample.labels, model.config.labels.coding)
    found = calibration.result()
    return {
        **columns,
        "ece": rounded(found.everywhere.ece),
        "ece_band": rounded(found.band.ece),
        "brier": rounded(found.everywhere.brier),
        "nll": rounded(found.everywhere.nll),
        "temperature": model.config.temperature,
        "threshold": config.threshold or model.config.threshold,
    }


def compared(
    prediction: Prediction, sample: Sample, model: TrainedModel
) -> dict[str, float | None]:
    """Measures of one study, mean over the structures (foreground classes, or regions).

    Several structures have the Dice of each beside it, as `dice of NAME`.
    """
    assert sample.labels is not None
    labels = model.config.labels
    known = sample.labels >= 0
    found, there = (labels.coding.masks(one) for one in (prediction.mask.long(), sample.labels))
    pairs = [(mine & known, yours) for mine, yours in zip(found, there, strict=True)]
    values: dict[str, float | None] = {}
    for metric in (Dice(), IoU(), HD95()):
        each = torch.tensor([metric.of_masks(*pair) for pair in pairs], dtype=torch.float64)
        values[metric.name] = float(each.nanmean())
        if metric.name == "dice" and len(pairs) > 1:
            names = [f"{DICE_OF}{name}" for name in labels.structure_names]
            values |= dict(zip(names, each.tolist(), strict=True))
    values["expected_dice"] = prediction.quality
    if len(sample.raters) > 1:
        both = prediction.members.long(), torch.stack(list(sample.raters.values())).long()
        regions = labels.coding.regions
        values |= {
            "ged2": ged_squared(*both, labels.classes, regions),
            "hm_iou": hm_iou(*both, labels.classes, regions),
        }
    return values


def leak_of(model: TrainedModel, data: Folder, studies: Sequence[str]) -> float:
    """Leakage of the run's process on true masks of the validation split."""
    cache = PreparedCache(data, model.config.preparation)
    _, labels = cache.batch(sorted(studies))
    return leakage(model.config.process, labels, model.config.labels.coding)


def result_of(
    job: Mapping[str, Any],
    model: TrainedModel,
    run: Path,
    studies: Sequence[str],
    figures: Mapping[str, Any],
    leak: float | None,
) -> dict[str, Any]:
    """What is kept of a run: enough to make it again, and to compare it study by study."""
    lines = (run / "fold_0" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    log = [json.loads(line) for line in lines]
    command = f"medsegdiff train {job['data']} -o RUN " + " ".join(job["command"])
    trained_at = run / "commit"
    return {
        "format": FORMAT,
        **{key: job[key] for key in ("arm", "data", "seed", "split", "asked", "settings")},
        "command": command,
        "commit": commit(),
        "trained_at": trained_at.read_text("utf-8") if trained_at.is_file() else None,
        "environment": environment(),
        "device": str(model.device),
        "steps": max(line["step"] for line in log),
        "minutes": round(max(line.get("seconds", 0.0) for line in log) / 60, 2),
        "leakage": rounded(leak),
        "studies": list(studies),
        **{f"figures of {name}": one for name, one in figures.items()},
    }


def write_result(path: Path, values: Mapping[str, Any]) -> None:
    """One line a key, so that the file is small and a change of it can be read."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in values.items()]
    atomic_write(path, "{\n" + ",\n".join(lines) + "\n}\n")


def commit(place: Path = BENCHMARKS.parent) -> str:
    """The commit that made the figures; with "+" if files differ from it.

    Results and pages do not count: a harness writes them while it goes on.
    """
    words = ["git", "describe", "--always", "--exclude=*"]
    changed = ["git", "diff", "--quiet", "HEAD", "--", ":!benchmarks/results", ":!docs"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=place)
        differs = subprocess.run(changed, capture_output=True, check=False, cwd=place).returncode
    except FileNotFoundError:  # no git here
        return "unknown"
    return f"{done.stdout.strip()}{'+' if differs else ''}" if done.returncode == 0 else "unknown"


def rounded(value: float | None) -> float | None:
    """Short in a file; what is unknown is null."""
    return None if value is None or math.isnan(value) else round(value, DIGITS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
