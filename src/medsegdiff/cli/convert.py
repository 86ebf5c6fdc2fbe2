"""`medsegdiff convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medsegdiff.cli.options import Layout

Source = Annotated[Path, typer.Argument(help="A data set in any layout.")]
Target = Annotated[Path, typer.Argument(help="The folder to make.")]
To = Annotated[str, typer.Option("--to", help="nnunet or folders.")]


def convert(source: Source, target: Target, to: To, layout: Layout = None) -> int:
    """Copy a data set into another layout. Studies, outlines and splits stay the same.

    Files are copied bit for bit where the layout can hold them. In an nnU-Net folder, masks hold
    class numbers (255 becomes 1), and studies without a mask lie in imagesTs.
    """
    from medsegdiff.cli import console
    from medsegdiff.data.study_files import count_text
    from medsegdiff.engine import convert as conversion
    from medsegdiff.engine.opening import open_data

    dataset = open_data(source, layout)
    with console.bar("copying") as bar:
        done = conversion.convert(dataset, target, conversion.layout_named(to), progress=bar.at)
    console.result(f"{target}: {count_text(len(done.written))}.")
    for line in (*dataset.findings, *done.findings, *done.failed.values()):
        console.log(line)
    return 3 if done.failed else 0
