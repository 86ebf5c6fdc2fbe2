"""Prediction of a whole folder: each study gives a result or an error, and the others go on."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from traceback import clear_frames
from typing import Any

import torch

import medsegdiff
from medsegdiff.data import Dataset
from medsegdiff.data.preparation import voxel_digest
from medsegdiff.data.reader import is_image_file
from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.file_names import masks_of, seg_file
from medsegdiff.engine.opening import open_images, studies_of
from medsegdiff.engine.outputs import Extras, StudyPrediction
from medsegdiff.engine.predict import predict
from medsegdiff.engine.run_report import REPORT_FILE, RunReport, StudyRecord
from medsegdiff.engine.step_count import Progress
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import ConfigError, DataError, MedSegDiffError, ResourceError

OUT_OF_MEMORY = (MemoryError, torch.OutOfMemoryError)


@dataclass(frozen=True)
class StudyResult:
    """What became of one study.

    Args:
        study: its name.
        number, total: its place among the studies of this run, from 1.
        prediction: None if it failed, or was done by an earlier run.
        mask_file: the file that was written; None if it failed.
        error: why there is no prediction; None if all went well.
        seconds: for reading, predicting and writing.
        is_skipped: an earlier run had done it.
    """

    study: str
    number: int
    total: int
    prediction: StudyPrediction | None = None
    mask_file: Path | None = None
    error: Exception | None = None
    seconds: float = 0.0
    is_skipped: bool = False


def predict_folder(
    images: str | Path,
    out: str | Path,
    model: TrainedModel,
    config: PredictConfig | None = None,
    *,
    extras: Extras | None = None,
    split: str | None = None,
    is_continued: bool = False,
    progress: Progress | None = None,
) -> Iterator[StudyResult]:
    """Predict every image of a folder (or a single file), and write OUT study by study.

    A study's mask does not depend on the others. `statistics.json`, `run_report.json` and
    `failures.json` are kept up to date while it runs, also if the caller stops early.

    Args:
        images: an image, a folder of images, or a data set's folder with `images/` in it.
        out: the folder to write; see `outputs.py`.
        model: trained weights.
        config: how masks are drawn; None takes what is kept with the weights.
        extras: what is written beside the masks.
        split: only the studies of this split of the data set ("train", "val" or "test").
        is_continued: leave out the studies that an earlier run with the same settings has done and
            whose images have not changed since.
        progress: called with (steps done, steps in all) of the study that is being drawn; what it
            raises becomes that study's error.

    Yields:
        One result a study, in the order of their names.

    Raises:
        DataError: there is no image at all, or no such split.
        ConfigError: OUT holds images or masks that are not this program's, or masks of other
            studies that were drawn by another model or with other settings.
        ResourceError: the disk is full.
    """
    config, extras, out = config or model.predict, extras or Extras(), Path(out)
    dataset = open_images(Path(images), model)
    studies = studies_of(dataset, split)
    _refuse_to_overwrite(dataset, out)
    report = RunReport.begun(out, _settings(model, config, extras), studies, is_continued)
    try:
        for number, study in enumerate(studies, start=1):
            done = masks_of(out, study)
            if is_continued and done and _is_as_before(study, dataset, report):
                yield StudyResult(study, number, len(studies), mask_file=done[0], is_skipped=True)
                continue
            started = time.perf_counter()
            result = _attempted(study, dataset, model, config, progress)
            place, record = _saved(result, out, extras)
            record = record.with_seconds(time.perf_counter() - started)
            for stale in done:  # an earlier run's may be of another image
                if stale != place:
                    stale.unlink(missing_ok=True)
            report.add(study, record)
            yield StudyResult(
                study,
                number,
                len(studies),
                prediction=None if record.error else _as_prediction(result),
                mask_file=place,
                error=record.error,
                seconds=record.seconds,
            )
            del result  # of a large volume, before the next one is begun
        report.finished()
    finally:
        report.write()


def _attempted(
    study: str,
    dataset: Dataset,
    model: TrainedModel,
    config: PredictConfig,
    progress: Progress | None,
) -> StudyPrediction | Exception:
    """Read and predict one study; whatever goes wrong becomes a value."""
    try:
        prediction = predict(dataset.load(study), model, config, progress)
    except OUT_OF_MEMORY as error:
        clear_frames(error.__traceback__)  # what they hold is needed for the next study
        return ResourceError(
            f"Study {study} needs more memory than there is ({error}). Give fewer --members, or "
            "predict.member_batch=1."
        )
    except Exception as error:
        clear_frames(error.__traceback__)
        return error
    return StudyPrediction.of(prediction, model.config.labels)


def _saved(
    result: StudyPrediction | Exception, out: Path, extras: Extras
) -> tuple[Path | None, StudyRecord]:
    """Write a prediction, and say what became of the study; without a file it has failed."""
    if isinstance(result, Exception):
        return None, StudyRecord(error=result)
    try:
        path = result.save(out, extras.model_copy(update={"dicom_seg": False}))
        refused = _dicom_seg_refused(result, out, extras)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ResourceError(
                f"The disk of {out} is full. Make room, and repeat the command with --continue."
            ) from None
        return None, StudyRecord(error=DataError(f"{out} cannot be written: {error}."))
    except MedSegDiffError as error:
        return None, StudyRecord(error=error)
    return path, StudyRecord(
        quality=result.quality,
        warnings=(*result.warnings, *refused),
        input_hash=voxel_digest(result.image).hex(),
        geometry=result.geometry,
        statistics=result.statistics(),
    )


def _dicom_seg_refused(result: StudyPrediction, out: Path, extras: Extras) -> list[str]:
    """Write the DICOM SEG that is wanted; why there is none is a warning, for the mask is there."""
    seg_file(out, result.study).unlink(missing_ok=True)  # an earlier run's
    if not extras.dicom_seg:
        return []
    try:
        result.save_dicom_seg(out, extras.probabilities)
    except DataError as error:
        return [str(error)]
    return []


def _as_prediction(result: StudyPrediction | Exception) -> StudyPrediction | None:
    return None if isinstance(result, Exception) else result


def _is_as_before(study: str, dataset: Dataset, report: RunReport) -> bool:
    """Whether an earlier run has done the study, from the very same image."""
    known = report.studies.get(study, {}).get("input_hash")
    try:
        return known is not None and known == voxel_digest(dataset.load(study).image).hex()
    except MedSegDiffError:
        return False  # it is tried, and then fails with its reason


def _refuse_to_overwrite(dataset: Dataset, out: Path) -> None:
    """Never write among images, or over true masks of the same name."""
    folders = {dataset.files(study)[0].parent.resolve() for study in dataset.ids()}
    is_theirs = out.is_dir() and not (out / REPORT_FILE).is_file()
    if out.resolve() in folders:
        what = "is the folder of the images"
    elif is_theirs and any(map(is_image_file, out.iterdir())):
        what = f"holds images or masks that were not written by this program (no {REPORT_FILE})"
    else:
        return
    raise ConfigError(
        f"{out} {what}: masks would replace files of the same name. Give another folder with -o."
    )


def _settings(model: TrainedModel, config: PredictConfig, extras: Extras) -> dict[str, Any]:
    """What the masks depend on; a run is continued only with the same."""
    return {
        "program": "medsegdiff",
        "version": medsegdiff.__version__,
        "model": model.name,
        "weights_hash": model.weights_hash,
        "labels": model.config.labels.model_dump(mode="json"),
        "predict": config.model_dump(mode="json"),
        "threshold": config.threshold or model.config.threshold,
        "extras": extras.model_dump(mode="json"),
        "device": str(model.device),
        "threads": torch.get_num_threads(),
    }
