"""`medsegdiff report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Source = Annotated[
    Path,
    typer.Argument(metavar="OUT_OR_RUN", help="What predict, evaluate or train have written."),
]
HtmlFile = Annotated[
    Path | None, typer.Option("-o", "--output", help="The HTML file; else report.html in there.")
]
Images = Annotated[
    Path | None, typer.Option("-i", "--input", help="The images, where they are not found.")
]
Truth = Annotated[
    Path | None, typer.Option("-gt", "--gt", help="The true masks, where they are not found.")
]


def report(
    source: Source, output: HtmlFile = None, images: Images = None, truth: Truth = None
) -> None:
    """Show a result as one HTML file. Worst studies first; it needs no network."""
    from medsegdiff.cli import console
    from medsegdiff.engine.report import Given, write_report

    target = output or source / "report.html"
    with console.bar("drawing") as bar:
        missing = write_report(source, target, Given(images, truth), bar.at)
    for one in missing:
        console.log(one)
    console.result(str(target))
