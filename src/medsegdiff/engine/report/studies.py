"""The parts of the table of studies that scored and unscored reports share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from medsegdiff.data.legend import legend_of
from medsegdiff.data.pictures import TRUTH_COLOUR, hexed
from medsegdiff.engine.file_names import masks_of
from medsegdiff.engine.report.contents import Notice, StudyRow
from medsegdiff.engine.report.out_files import OutFiles
from medsegdiff.engine.report.study_pictures import TRUTH, StudyPictures
from medsegdiff.engine.report.thumbnails import byte_budget, most_pictured
from medsegdiff.engine.report.wording import without_folders

Progress = Callable[[int, int], object]  # studies that are done, and all


def with_pictures(
    rows: Sequence[StudyRow],
    masks: dict[str, Path],
    pictures: StudyPictures,
    progress: Progress | None,
) -> tuple[list[StudyRow], list[str]]:
    """The same rows with their thumbnails, and what the parts of these are."""
    budget, shown = byte_budget(len(rows)), list(rows)
    parts: list[str] = []
    for index, row in enumerate(rows[: most_pictured()]):
        drawn = (
            pictures.picture(row.study, masks[row.study], budget) if row.study in masks else None
        )
        if drawn is not None:
            shown[index] = replace(row, picture=drawn[0])
            parts = max(parts, drawn[1], key=len)
        if progress is not None:
            progress(index + 1, len(rows))
    return shown, parts


def mask_files(out: Path, studies: Sequence[str]) -> dict[str, Path]:
    """The mask of each study that has one."""
    found = {study: masks_of(out, study) for study in studies}
    return {study: files[0] for study, files in found.items() if files}


def outlined(pictures: StudyPictures, parts: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Name and colours, as "#rrggbb", of all that is outlined in the pictures."""
    if pictures.label_map is None or not parts:
        return []
    drawn = [(one.name, list(map(hexed, one.colours))) for one in legend_of(pictures.label_map)]
    truth = ("truth, where the prediction is shown", [hexed(TRUTH_COLOUR)])
    return [*drawn, truth] if TRUTH in parts else drawn


def picture_notice(
    pictures: StudyPictures, missing: Sequence[str], files: OutFiles
) -> list[Notice]:
    """What the pictures do not show, and why."""
    own = [f"{study}: {problem}" for study, problem in pictures.problems.items()]
    lines = [without_folders(line, files.folders) for line in [*missing, *own]]
    return [Notice("Not in the pictures", lines)] if lines else []


def warning_notice(rows: Sequence[StudyRow]) -> list[Notice]:
    """Every warning, by study."""
    lines = [f"{row.study}: {warning}" for row in rows for warning in row.warnings]
    count = sum(bool(row.warnings) for row in rows)
    named = "1 study has a warning" if count == 1 else f"{count} studies have warnings"
    return [Notice(named, lines)] if lines else []
