"""What a prediction run writes about itself: settings, and what became of each study.

    OUT/run_report.json   settings, model and input hashes, per study status, seconds and quality
    OUT/failures.json     the studies without a mask and why; an empty list when all is well
    OUT/statistics.json   figures of the masks

Nothing about a patient stands in them but the name of the study.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from typing_extensions import Self

from medsegdiff.engine.mask_statistics import by_axis
from medsegdiff.errors import ConfigError, MedSegDiffError
from medsegdiff.files import write_json
from medsegdiff.types import Geometry

REPORT_FILE = "run_report.json"
FOLDERS = ("probabilities", "uncertainty", "members", "previews", "dicom_seg")  # beside the masks
SECONDS_BETWEEN_WRITES = 2.0  # the files grow with the studies; each time they are written whole
ON_OFF = {True: "on", False: "off"}
SPELT = {
    "version": "the version of the program",
    "weights_hash": "the hash of the weights",
    "extras.probabilities": "--save-probabilities",
    "extras.uncertainty": "--save-uncertainty",
    "extras.members": "--save-members",
    "extras.previews": "--preview",
    "predict.members": "--members",
    "predict.sampler.steps": "--steps",
    "predict.sampler.name": "--sampler",
    "predict.seed": "--seed",
}
WHAT_MASKS_DEPEND_ON = ("version", "weights_hash", "labels", "predict", "threshold", "extras")


@dataclass(frozen=True)
class StudyRecord:
    """What became of one study.

    Args:
        seconds: for reading, predicting and writing.
        quality: mean pairwise Dice of its members, 0 to 1.
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
        studies, statistics: entries of the studies that are done, by name.
        failures: entries of those that failed.
    """

    out: Path
    settings: Mapping[str, Any]
    studies: dict[str, Any] = field(default_factory=dict)
    statistics: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)
    is_finished: bool = False
    _started: float = field(default_factory=time.perf_counter)
    _written: float = 0.0

    @classmethod
    def begun(
        cls, out: Path, settings: Mapping[str, Any], studies: Collection[str], is_continued: bool
    ) -> Self:
        """Start a report, with what an earlier run has left that this one will not draw anew.

        It is written at once, so that OUT is known as this program's however the run ends.

        Args:
            out: OUT.
            settings: what the masks depend on, and where they are made.
            studies: of this run.
            is_continued: keep the earlier run's masks of these, too.

        Raises:
            ConfigError: what other weights or settings have drawn would stay.
        """
        report = cls(out, settings)
        earlier, statistics = _read(out / REPORT_FILE), _read(out / "statistics.json")
        kept = {
            study: entry
            for study, entry in earlier.get("studies", {}).items()
            if entry.get("status") == "done"
            and study in statistics
            and (is_continued or study not in studies)
        }
        changed = [
            key for key in WHAT_MASKS_DEPEND_ON if earlier.get(key) != _as_json(settings[key])
        ]
        left = [f"masks of {len(kept)} studies"] if kept or is_continued else []
        if changed != ["extras"]:
            left += [f"{name}/" for name in FOLDERS if (out / name).is_dir()]
        if earlier and changed and left:
            now = {key: _as_json(settings[key]) for key in changed}
            differing = "; ".join(_changes({key: earlier.get(key) for key in changed}, now))
            raise ConfigError(
                f"{out} holds {', '.join(left)} that were drawn with other settings, and they "
                f"would stay: {differing}. Use the same settings, or give another folder with -o."
            )
        report.studies.update(kept)
        report.statistics.update({study: statistics[study] for study in kept})
        report.write()
        return report

    def add(self, study: str, record: StudyRecord) -> None:
        """Note what became of a study; the files follow, at most every two seconds."""
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
        if time.perf_counter() - self._written > SECONDS_BETWEEN_WRITES:
            self.write()

    def finished(self) -> None:
        """Every study has had its turn."""
        self.is_finished = True

    def write(self) -> None:
        """Write the three files, each atomically; the report last."""
        write_json(
            self.out / "failures.json", [self.failures[one] for one in sorted(self.failures)]
        )
        write_json(self.out / "statistics.json", dict(sorted(self.statistics.items())))
        report = {
            **self.settings,
            "seconds": round(time.perf_counter() - self._started, 3),
            "is_finished": self.is_finished,
            "n_done": len(self.statistics),
            "n_failed": len(self.failures),
            "studies": dict(sorted(self.studies.items())),
        }
        write_json(self.out / REPORT_FILE, report)
        self._written = time.perf_counter()


def sentence(error: Exception) -> str:
    """What went wrong, for people: our own errors speak for themselves."""
    if isinstance(error, MedSegDiffError):
        return str(error)
    return f"An error in the program itself: {type(error).__name__}: {error}"


def _read(path: Path) -> dict[str, Any]:
    """A report's content; empty if it is not there or not whole."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _changes(then: Any, now: Any, path: str = "") -> Iterator[str]:
    """What differs between two settings, in the words of the command line where it has any."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in sorted(then.keys() | now.keys()):
            yield from _changes(then.get(key), now.get(key), f"{path}.{key}" if path else key)
    elif then != now:
        was, is_now = (
            ON_OFF.get(one, one) if isinstance(one, bool) else one for one in (then, now)
        )
        yield f"{SPELT.get(path, path)} was {was} and is {is_now}"


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))
