"""The JSON files of OUT, as `predict` and `evaluate` wrote them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import Self

from medsegdiff.data.pairing import by_name
from medsegdiff.engine.earlier_report import REPORT_FILE
from medsegdiff.engine.evaluate import sha256_of
from medsegdiff.engine.report.contents import Document
from medsegdiff.errors import DataError

SUMMARY_FILE = "summary.json"
NUMBERED = re.compile(
    r"foreground|class_\d+"
)  # names that an evaluation gives where none are known
NEEDED = {"foreground_mean", "mean", "metric_per_case", "intervals_95", "units", "label_names"}


@dataclass(frozen=True)
class OutFiles:
    """What is known of an OUT folder.

    Args:
        out: the folder.
        run_report: settings and studies of the prediction; empty if another program drew the masks.
        statistics: figures of the masks.
        failures: studies without a mask, and why.
        summary: the evaluation; None without one.
        hashes: SHA-256 of the files that were read, by name.
    """

    out: Path
    run_report: Document
    statistics: Document
    failures: tuple[Mapping[str, str], ...]
    summary: Document | None
    hashes: Mapping[str, str]

    @classmethod
    def read(cls, out: Path, summary: Path | None = None) -> Self:
        """Read them.

        Args:
            out: the folder of the masks.
            summary: the evaluation, where it is not OUT/summary.json.

        Raises:
            DataError: a file is damaged or another program's, or there is none.
        """
        evaluation = summary or out / SUMMARY_FILE
        files = {REPORT_FILE: out / REPORT_FILE, "statistics.json": out / "statistics.json"}
        read = {name: read_json(path) for name, path in files.items()}
        found = read_json(evaluation) if evaluation.is_file() else None
        if found is not None and not found.keys() >= NEEDED:
            raise DataError(
                f"{evaluation} was not written by this version of `medsegdiff evaluate` (it lacks "
                f"{', '.join(sorted(NEEDED - found.keys()))}). Make it anew: "
                f"medsegdiff evaluate -gt TRUTH -p {out}."
            )
        if found is None and not read[REPORT_FILE]:
            raise DataError(_nothing_in(out))
        failures = out / "failures.json"
        hashes = {path.name: sha256_of(path) for path in (*files.values(), evaluation)}
        return cls(
            out,
            Document(REPORT_FILE, read[REPORT_FILE]),
            Document("statistics.json", read["statistics.json"]),
            tuple(json.loads(failures.read_text("utf-8")) if failures.is_file() else ()),
            None if found is None else Document(SUMMARY_FILE, found),
            {name: digest for name, digest in hashes.items() if digest is not None},
        )

    @property
    def evaluation(self) -> Mapping[str, Any]:
        """With what the evaluation was made; empty where its file does not say."""
        return {} if self.summary is None else self.summary.content.get("evaluation", {})

    @property
    def studies(self) -> Mapping[str, Any]:
        """What became of each study in the prediction."""
        return self.run_report.content.get("studies", {})

    @property
    def is_outdated(self) -> bool:
        """Whether the masks were drawn anew since they were evaluated."""
        evaluated = self.evaluation.get("run_report_sha256")
        return evaluated is not None and evaluated != self.hashes.get(REPORT_FILE)

    @property
    def folders(self) -> list[Path]:
        """Every folder that sentences may name."""
        cases = () if self.summary is None else self.summary.content["metric_per_case"]
        files = [Path(case[f"{one}_file"]) for case in cases for one in ("reference", "prediction")]
        named = [self.evaluation.get(one) for one in ("reference", "prediction")]
        given = [Path(one) for one in named if one]
        return list({self.out, *given, *(file.parent for file in files)})

    def called(self, names: Sequence[str]) -> tuple[str, ...]:
        """The classes' names, background first; the model's where they are merely numbered."""
        own = self.run_report.content.get("labels", {}).get("names", ())
        is_numbered = all(NUMBERED.fullmatch(name) for name in names[1:])
        return tuple(own if is_numbered and len(own) == len(names) else names)

    def names(self) -> dict[str, str]:
        """The study in the run report that each study of the evaluation is."""
        assert self.summary is not None
        cases = self.summary.content["metric_per_case"]
        study = {Path(case["prediction_file"]): case["study"] for case in cases}
        return {study[path]: name for name, path in by_name(study).items()}


def _nothing_in(out: Path) -> str:
    """Why there is nothing to report, and which commands change that."""
    if any(one.is_dir() for one in (*out.glob("images*"), out / "img")):
        return (
            f"{out} is a data set, of which there is nothing to report. Draw masks into a folder "
            f"of their own: medsegdiff predict -i {out} -o OUT -m MODEL; then report that one."
        )
    return (
        f"{out} holds neither {SUMMARY_FILE} nor {REPORT_FILE}, so there is nothing to report. "
        f"Compare its masks with the truth: medsegdiff evaluate -gt TRUTH -p {out}; or draw masks "
        "into a new folder: medsegdiff predict -i IMAGES -o OUT -m MODEL."
    )


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty without the file.

    Raises:
        DataError: it is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}). Repeat the command that wrote it.") from None
    if not isinstance(content, dict):
        raise DataError(f"{path} holds no object, as it should. Repeat the command that wrote it.")
    return content
