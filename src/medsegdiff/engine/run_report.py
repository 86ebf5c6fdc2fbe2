"""What a prediction run writes about itself: settings, and what became of each study.

    OUT/run_report.json   settings, model and input hashes, per study status, seconds and quality
    OUT/failures.json     the studies without a mask and why; an empty list when all is well
    OUT/statistics.json   figures of the masks

Nothing about a patient stands in them but the name of the study. Commands that share a folder
write the same three files, one at a time, and each keeps what the others have written.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from typing_extensions import Self

from medsegdiff.engine.changed_settings import changes
from medsegdiff.engine.earlier_report import (
    FAILURES_FILE,
    REPORT_FILE,
    STATISTICS_FILE,
    EarlierReport,
    as_json,
)
from medsegdiff.engine.mask_statistics import by_axis
from medsegdiff.engine.run_lock import alone
from medsegdiff.engine.workers import WHOLE, Part
from medsegdiff.errors import ConfigError, MedSegDiffError
from medsegdiff.files import write_json
from medsegdiff.types import Geometry

FOLDERS = ("probabilities", "uncertainty", "members", "previews", "dicom_seg")  # beside the masks
LOCK_FILE = ".run_report.lock"
SECONDS_BETWEEN_WRITES = 2.0
SHARE_OF_WRITING = 0.02  # of the time, at most: the files are written whole, and grow


@dataclass(frozen=True)
class StudyRecord:
    """What became of one study.

    Args:
        seconds: for reading, predicting and writing.
        quality: Dice to expect of its mask, 0 to 1.
        warnings: what the user should look at, in plain words.
        input_hash: of the decoded voxels, 32 hex digits.
        geometry: the grid of the image and of the mask.
        statistics: figures of the mask.
        error: why there is no mask; None if all went well.
    """

    seconds: float = 0.0
    quality: float | None = None
    warnings: tuple[str, ...] = ()
    input_hash: str | None = None
    geometry: Geometry | None = None
    statistics: Mapping[str, Any] | None = None
    error: Exception | None = None

    def with_seconds(self, seconds: float) -> StudyRecord:
        """The same record with the time it took."""
        return replace(self, seconds=seconds)

    def to_json(self) -> dict[str, Any]:
        """Its entry in the run report."""
        return {
            "status": "failed" if self.error else "done",
            "seconds": round(self.seconds, 3),
            "quality": None if self.quality is None else round(self.quality, 4),
            "warnings": list(self.warnings),
            "input_hash": self.input_hash,
            "grid": None if self.geometry is None else by_axis(self.geometry.shape),
            "spacing_mm": None if self.geometry is None else by_axis(self.geometry.spacing_mm),
        }


@dataclass
class RunReport:
    """The three files of a run, kept up to date while it goes on.

    Args:
        out: OUT.
        settings: what the masks depend on, and where they were made.
        folder: the names of all its studies.
        part: which of them are this run's.
        studies, statistics: entries of the studies that are done, by name.
        failures: entries of those that failed.
        parts: seconds of each part of the folder and whether it is finished, by the part's name.
    """

    out: Path
    settings: Mapping[str, Any]
    folder: Sequence[str] = ()
    part: Part = WHOLE
    studies: dict[str, Any] = field(default_factory=dict)
    statistics: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_finished: bool = False
    _started: float = field(default_factory=time.perf_counter)
    _next_write: float = 0.0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def begun(
        cls,
        out: Path,
        settings: Mapping[str, Any],
        folder: Sequence[str],
        is_continued: bool,
        part: Part = WHOLE,
    ) -> Self:
        """Start a report, with what an earlier run has left that this one will not draw anew.

        It is written at once, so that OUT is known as this program's however the run ends.

        Args:
            out: OUT.
            settings: what the masks depend on, and where they are made.
            folder: the names of all its studies.
            is_continued: keep the earlier run's masks of this part's, too.
            part: which of them are this run's.

        Raises:
            ConfigError: what other weights or settings have drawn would stay.
        """
        report = cls(out, settings, folder, part)
        with report._alone():
            earlier = EarlierReport.of(out)
            anew = set() if is_continued else set(part.of(folder))
            kept = {study: entry for study, entry in earlier.done.items() if study not in anew}
            _refuse_other_settings(out, earlier, settings, len(kept), is_continued)
            report.studies |= kept
            report.statistics |= {study: earlier.statistics[study] for study in kept}
            report._take_over_parts(earlier)
            report._write()
        return report

    def add(self, study: str, record: StudyRecord) -> None:
        """Note what became of a study; the files follow, at most every two seconds."""
        with self._lock:
            self.studies[study] = record.to_json()
            if record.error is None:
                self.statistics[study] = record.statistics
                self.failures.pop(study, None)
            else:
                self.statistics.pop(study, None)
                self.failures[study] = {
                    "study": study,
                    "kind": type(record.error).__name__,
                    "message": sentence(record.error),
                }
            if time.perf_counter() > self._next_write:
                self.write()

    def finished(self) -> None:
        """Every study has had its turn."""
        self.is_finished = True

    def write(self) -> None:
        """Write the three files, each atomically; the report last.

        Raises:
            ConfigError: another part of the folder is drawn with other settings.
        """
        with self._alone():
            if self.part != WHOLE:
                self._join_the_others()
            self._write()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other thread writes meanwhile, and no command that draws another part."""
        with self._lock:
            if self.part == WHOLE:
                yield
                return
            with alone(self.out / LOCK_FILE):
                yield

    def _join_the_others(self) -> None:
        """Take what the other parts have written by now."""
        earlier = EarlierReport.of(self.out)
        changed = earlier.changed(self.settings)
        if earlier.report and changed:
            raise ConfigError(
                f"Another command draws other studies into {self.out} with other settings "
                f"({', '.join(changed)}). Give all parts the same settings."
            )
        mine = set(self.part.of(self.folder))
        self.studies = _of(self.studies, mine) | _without(earlier.done, mine)
        self.statistics = _of(self.statistics, mine) | _of(
            earlier.statistics, self.studies.keys() - mine
        )
        self.failures = _of(self.failures, mine)
        self._take_over_parts(earlier)

    def _take_over_parts(self, earlier: EarlierReport) -> None:
        """Keep what is known of the other parts, and what has failed in them."""
        if self.part == WHOLE:
            return
        theirs = set(self.folder) - set(self.part.of(self.folder))
        self.studies |= _of(earlier.failed, theirs)
        self.failures |= _of(earlier.failures, theirs)
        self.parts = {
            name: entry
            for name, entry in earlier.report.get("parts", {}).items()
            if name in self.part.names
        }

    def _write(self) -> None:
        began = time.perf_counter()
        run = {"seconds": round(began - self._started, 3), "is_finished": self.is_finished}
        if self.part != WHOLE:
            self.parts[self.part.name] = run
            run = {
                "seconds": round(sum(one["seconds"] for one in self.parts.values()), 3),
                "is_finished": len(self.parts) == self.part.num_parts
                and all(one["is_finished"] for one in self.parts.values()),
                "parts": dict(self.parts),
            }
        failures = [self.failures[one] for one in sorted(self.failures)]
        write_json(self.out / FAILURES_FILE, failures)
        write_json(self.out / STATISTICS_FILE, dict(sorted(self.statistics.items())))
        report = {
            **self.settings,
            **run,
            "n_done": len(self.statistics),
            "n_failed": len(self.failures),
            "studies": dict(sorted(self.studies.items())),
        }
        write_json(self.out / REPORT_FILE, report)
        ended = time.perf_counter()
        pause = max(SECONDS_BETWEEN_WRITES, (ended - began) / SHARE_OF_WRITING)
        self._next_write = ended + pause


def _refuse_other_settings(
    out: Path, earlier: EarlierReport, settings: Mapping[str, Any], kept: int, is_continued: bool
) -> None:
    """Refuse to leave masks beside those that other settings have drawn."""
    changed = earlier.changed(settings)
    left = [f"masks of {kept} studies"] if kept or is_continued else []
    if changed != ["extras"]:
        left += [f"{name}/" for name in FOLDERS if (out / name).is_dir()]
    if earlier.report and changed and left:
        then = {key: earlier.report.get(key) for key in changed}
        now = as_json({key: settings[key] for key in changed})
        raise ConfigError(
            f"{out} holds {', '.join(left)} that were drawn with other settings, and they would "
            f"stay: {'; '.join(changes(then, now))}. Use the same settings, or give another folder "
            "with -o."
        )


def _of(entries: Mapping[str, Any], studies: Collection[str]) -> dict[str, Any]:
    return {study: entry for study, entry in entries.items() if study in studies}


def _without(entries: Mapping[str, Any], studies: Collection[str]) -> dict[str, Any]:
    return {study: entry for study, entry in entries.items() if study not in studies}


def sentence(error: Exception) -> str:
    """What went wrong, for people: our own errors speak for themselves."""
    if isinstance(error, MedSegDiffError):
        return str(error)
    return f"An error in the program itself: {type(error).__name__}: {error}"
