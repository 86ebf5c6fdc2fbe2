"""What an earlier run, or another part of the same folder, has written about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import Self

REPORT_FILE = "run_report.json"
STATISTICS_FILE = "statistics.json"
FAILURES_FILE = "failures.json"
WHAT_MASKS_DEPEND_ON = ("version", "weights_hash", "labels", "predict", "threshold", "extras")


@dataclass(frozen=True)
class EarlierReport:
    """The three files of OUT; empty where there are none.

    Args:
        report: settings, and an entry for each study.
        statistics: of the masks, by study.
        failures: by study.
    """

    report: Mapping[str, Any]
    statistics: Mapping[str, Any]
    failures: Mapping[str, dict[str, str]]

    @classmethod
    def of(cls, out: Path) -> Self:
        """Read the files; those that are not there or not whole count as empty."""
        failures = _read(out / FAILURES_FILE, list)
        return cls(
            _read(out / REPORT_FILE, dict),
            _read(out / STATISTICS_FILE, dict),
            {one["study"]: one for one in failures if isinstance(one, dict) and "study" in one},
        )

    @property
    def done(self) -> dict[str, Any]:
        """Entries of the studies that have a mask."""
        return {
            study: entry
            for study, entry in self.report.get("studies", {}).items()
            if entry.get("status") == "done" and study in self.statistics
        }

    @property
    def failed(self) -> dict[str, Any]:
        """Entries of those that have none."""
        entries = self.report.get("studies", {})
        return {study: entries[study] for study in self.failures if study in entries}

    def changed(self, settings: Mapping[str, Any]) -> list[str]:
        """Which of the settings that masks depend on are others than these."""
        wanted = as_json({key: settings[key] for key in WHAT_MASKS_DEPEND_ON})
        return [key for key, value in wanted.items() if self.report.get(key) != value]


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they come back from a file."""
    return json.loads(json.dumps(values))


def _read(path: Path, kind: type[Any]) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return kind()
    return content if isinstance(content, kind) else kind()
