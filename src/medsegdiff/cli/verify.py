"""`medsegdiff verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medsegdiff.cli.options import Layout

Data = Annotated[Path, typer.Argument(help="A data set in any layout.")]
Report = Annotated[Path | None, typer.Option("--json", help="Write the report as JSON, too.")]
Sheet = Annotated[
    Path | None,
    typer.Option("-o", "--sheet", help="Draw a picture of some studies with their masks."),
]
Side = Annotated[
    int | None,
    typer.Option(help="Side of the network's grid, in pixels; else what train would take here."),
]


def verify(
    data: Data,
    report: Report = None,
    sheet: Sheet = None,
    side: Side = None,
    layout: Layout = None,
) -> int:
    """Check a data set. Reports what it holds; -o draws it with its masks outlined."""
    from medsegdiff.cli import console
    from medsegdiff.engine.opening import look_through
    from medsegdiff.engine.outputs import write_picture
    from medsegdiff.files import write_json

    with console.bar("reading") as bar:
        found = look_through(data, side, progress=bar.at, layout=layout)
    console.result(found.text())
    if report is not None:
        write_json(report, found.to_json())
    if sheet is not None and found.studies:
        write_picture(sheet, found.contact_sheet())
        console.log(f"Look at {sheet}.")
    return 0 if found.ok else 4
