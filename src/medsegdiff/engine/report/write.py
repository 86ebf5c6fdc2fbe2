"""Writes the report of an OUT or a RUN folder."""

from __future__ import annotations

from pathlib import Path

from medsegdiff.engine.report.contents import Page
from medsegdiff.engine.report.fold_files import is_run
from medsegdiff.engine.report.out_files import OutFiles
from medsegdiff.engine.report.page import as_html
from medsegdiff.engine.report.scored import scored_page
from medsegdiff.engine.report.sources import Given, find_pictures
from medsegdiff.engine.report.studies import Progress
from medsegdiff.engine.report.trained import run_page
from medsegdiff.engine.report.unscored import unscored_page
from medsegdiff.errors import DataError
from medsegdiff.files import atomic_write


def write_report(
    source: Path, path: Path, given: Given | None = None, progress: Progress | None = None
) -> list[str]:
    """Write one HTML file that shows a result and needs nothing else to be read.

    Args:
        source: OUT, as `predict` and `evaluate` leave it, or RUN, as `train` leaves it.
        path: the file to write.
        given: where images, true masks and evaluation are, if not where they were.
        progress: called with the number of studies that are drawn, and of all.

    Returns:
        What it cannot show, and what to do about it: one sentence each.

    Raises:
        DataError: there is nothing to report, or a file is damaged; says which command makes it.
    """
    if source.is_file():
        raise DataError(
            f"{source} is a file. If it is a report, open it in a browser; to make it anew, give "
            f"its folder: medsegdiff report {source.parent}."
        )
    if not source.is_dir():
        raise DataError(
            f"There is no folder {source}. Give the OUT folder of medsegdiff predict, or the RUN "
            "folder of medsegdiff train."
        )
    missing: list[str] = []
    if is_run(source):
        page = run_page(source)
    else:
        page, missing = _out_page(source, given or Given(), progress)
    atomic_write(path, as_html(page))
    return missing


def _out_page(out: Path, given: Given, progress: Progress | None) -> tuple[Page, list[str]]:
    files = OutFiles.read(out, given.summary)
    pictures, missing = find_pictures(files, given)
    make = unscored_page if files.summary is None else scored_page
    return make(files, pictures, missing, progress), missing
