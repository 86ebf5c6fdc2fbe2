"""What a training wrote about one fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import Self

from medsegdiff.engine.model_location import FINAL
from medsegdiff.engine.report.contents import Document
from medsegdiff.engine.report.out_files import read_json
from medsegdiff.engine.run_log import read_log, smoothed


def is_run(folder: Path) -> bool:
    """Whether a folder is what `medsegdiff train` writes."""
    return (folder / "config.json").is_file() and any(folder.glob("fold_*"))


@dataclass(frozen=True)
class FoldFiles:
    """What is known of one fold.

    Args:
        folder: RUN/fold_k.
        log: lines of metrics.jsonl.
        validation: of its best weights; empty before the end.
        calibration: likewise.
    """

    folder: Path
    log: Sequence[Mapping[str, Any]]
    validation: Document
    calibration: Document

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read them.

        Raises:
            DataError: a file is damaged.
        """
        name, summary = folder.name, "validation/summary.json"
        return cls(
            folder,
            read_log(folder / "metrics.jsonl"),
            Document(f"{name}/{summary}", read_json(folder / summary)),
            Document(f"{name}/calibration.json", read_json(folder / "calibration.json")),
        )

    @property
    def name(self) -> str:
        """Of the fold: its number, or "all"."""
        return self.folder.name.removeprefix("fold_")

    @property
    def losses(self) -> list[tuple[float, float]]:
        """Steps and losses, averaged over short stretches."""
        known = [one for one in self.log if one.get("loss") is not None]
        return smoothed([(one["step"], one["loss"]) for one in known])

    @property
    def dice(self) -> list[tuple[int, float]]:
        """Steps and the Dice of their validations."""
        return [(one["step"], one["dice"]) for one in self.log if "dice" in one]

    @property
    def state(self) -> str:
        """Whether the training has ended, in words."""
        is_done = (self.folder / FINAL).is_dir() or bool(self.validation.content)
        return "finished" if is_done else "not finished"
