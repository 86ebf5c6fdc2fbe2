"""Prediction of a whole folder: each study gives a result or an error, and the others go on."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from traceback import clear_frames
from typing import Any

import torch

import medsegdiff
from medsegdiff.data import Dataset
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.formats import Header
from medsegdiff.data.reader import is_image_file
from medsegdiff.engine.allowance import Allowance
from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.conveyor import InTurn, conveyed
from medsegdiff.engine.earlier_report import REPORT_FILE
from medsegdiff.engine.file_names import masks_of
from medsegdiff.engine.opening import open_images, studies_of
from medsegdiff.engine.outputs import Extras, StudyPrediction
from medsegdiff.engine.predict import Warn, predict
from medsegdiff.engine.reader_process import Order, Read
from medsegdiff.engine.readers import Readers
from medsegdiff.engine.run_report import RunReport
from medsegdiff.engine.step_count import Progress
from medsegdiff.engine.study_writing import saved
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.engine.workers import NOBODY, WHOLE, Part, Workers
from medsegdiff.errors import ConfigError, ResourceError
from medsegdiff.types import Sample

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
    part: Part = WHOLE,
    is_continued: bool = False,
    progress: Progress | None = None,
    warn: Warn | None = None,
    workers: Workers | None = None,
) -> Iterator[StudyResult]:
    """Predict every image of a folder (or a single file), and write OUT study by study.

    While the network works on a study, the next ones are read and the last ones written. A study's
    mask does not depend on the others. `statistics.json`, `run_report.json` and `failures.json`
    are kept up to date while it runs, also if the caller stops early.

    Args:
        images: an image, a folder of images, or a data set's folder with `images/` in it.
        out: the folder to write; see `outputs.py`.
        model: trained weights.
        config: how masks are drawn; None takes what is kept with the weights.
        extras: what is written beside the masks.
        split: only the studies of this split of the data set ("train", "val" or "test").
        part: of the studies, where several commands share them; all may write one OUT.
        is_continued: leave out the studies that an earlier run with the same settings has done and
            whose images have not changed since.
        progress: called with (steps done, steps in all) of the study that is being drawn; what it
            raises becomes that study's error.
        warn: called with a study and what is unusual in its image, before it is drawn; what it
            raises becomes that study's error, too.
        workers: who reads and writes beside the network; a single study needs nobody.

    Yields:
        One result a study, in the order of their names.

    Raises:
        DataError: there is no image at all, or no such split.
        ConfigError: OUT holds images or masks that are not this program's, or masks of other
            studies that were drawn by another model or with other settings; the device cannot run
            networks as the settings want it.
        ResourceError: the disk is full.
    """
    config, extras, out = config or model.predict, extras or Extras(), Path(out)
    model.ready(config.precision, config.compiled)
    dataset = open_images(Path(images), model)
    folder = studies_of(dataset, split)
    _refuse_to_overwrite(dataset, out)
    report = RunReport.begun(out, _settings(model, config, extras), folder, is_continued, part)
    run = _Run(dataset, model, config, extras, report, progress, warn)
    try:
        yield from run.results(_orders(part.of(folder), report), workers or Workers())
        report.finished()
    finally:
        report.write()


def _orders(studies: Sequence[str], report: RunReport) -> list[Order]:
    """What is to be read; with what an earlier run that is continued has known of it."""
    orders = []
    for place, study in enumerate(studies):
        known = report.studies.get(study, {}) if masks_of(report.out, study) else {}
        orders.append(Order(study, place, known.get("input_hash")))
    return orders


@dataclass(frozen=True)
class _Drawn:
    """A study on its way to its files: what was predicted, or why nothing; None if known before."""

    order: Order
    found: StudyPrediction | Exception | None
    seconds: float


@dataclass(frozen=True)
class _Run:
    """The three stages that each study of a run goes through."""

    dataset: FileDataset
    model: TrainedModel
    config: PredictConfig
    extras: Extras
    report: RunReport
    progress: Progress | None
    warn: Warn | None

    def results(self, orders: Sequence[Order], workers: Workers) -> Iterator[StudyResult]:
        """Read, predict and write; the three overlap where there are workers for it."""
        if len(orders) < 2 or not workers.are_there:
            workers = NOBODY
        allowance = Allowance(workers.memory_bytes)
        with ExitStack() as stack:
            readers = Readers(workers.readers, self.dataset, allowance, self._bytes)
            stack.callback(readers.close)
            writers = ThreadPoolExecutor(workers.writers) if workers.are_there else InTurn()
            stack.callback(writers.shutdown, cancel_futures=True)
            for result in conveyed(
                orders,
                readers.submit,
                self._drawn,
                lambda drawn: writers.submit(self._written, drawn, len(orders)),
                ahead=workers.readers + 1,
                behind=workers.writers + 1,
            ):
                place = result.number - 1
                yield result
                del result  # of a large volume, each copy counts
                allowance.give_back(place)

    def _bytes(self, header: Header) -> int:
        """Memory that a study takes between reading and writing: image, maps and members."""
        voxels = math.prod(header.geometry.shape)
        channels = max(header.channels, len(self.model.config.channel_names))
        members = self.config.members * len(self.model.networks)
        return voxels * (4 * channels + 4 * self.model.config.mask_channels + 16 + members)

    def _drawn(self, order: Order, reading: Future[Read]) -> _Drawn:
        """Predict one study when it is read; whatever goes wrong becomes a value."""
        read = reading.result()
        started = time.perf_counter()
        found = self._predicted(read.found) if isinstance(read.found, Sample) else read.found
        if isinstance(found, OUT_OF_MEMORY):
            found = ResourceError(
                f"Study {order.study} needs more memory than there is ({found}). Give fewer "
                "--members, or predict.member_batch=1."
            )
        return _Drawn(order, found, read.seconds + time.perf_counter() - started)

    def _predicted(self, sample: Sample) -> StudyPrediction | Exception:
        try:
            prediction = predict(sample, self.model, self.config, self.progress, self.warn)
        except Exception as error:
            clear_frames(error.__traceback__)  # what they hold is needed for the next study
            return error
        return StudyPrediction.of(prediction, self.model.config.labels)

    def _written(self, drawn: _Drawn, total: int) -> StudyResult:
        """Write one study's files, and what became of it into the report."""
        out, study, number = self.report.out, drawn.order.study, drawn.order.place + 1
        done = masks_of(out, study)
        if drawn.found is None:
            return StudyResult(study, number, total, mask_file=done[0], is_skipped=True)
        started = time.perf_counter()
        place, record = saved(drawn.found, out, self.extras)
        record = record.with_seconds(drawn.seconds + time.perf_counter() - started)
        for stale in done:  # an earlier run's may be of another image
            if stale != place:
                stale.unlink(missing_ok=True)
        self.report.add(study, record)
        return StudyResult(
            study,
            number,
            total,
            prediction=None if isinstance(drawn.found, Exception) or record.error else drawn.found,
            mask_file=place,
            error=record.error,
            seconds=record.seconds,
        )


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
