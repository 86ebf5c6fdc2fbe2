"""`medsegdiff evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medsegdiff.cli.options import Json, Split

Truth = Annotated[
    Path, typer.Option("-gt", "--gt", help="Folder of the true masks, or the data set's.")
]
Predicted = Annotated[Path, typer.Option("-p", "--prediction", help="Folder of predicted masks.")]
SummaryFile = Annotated[
    Path | None, typer.Option("-o", "--output", help="The JSON file; else in the predictions.")
]
Csv = Annotated[Path | None, typer.Option("--csv", help="A table, one line a study and class.")]


def evaluate(
    truth: Truth,
    prediction: Predicted,
    output: SummaryFile = None,
    csv: Csv = None,
    split: Split = None,
    is_json: Json = False,
) -> int:
    """Compare masks with the truth. At native size, with 95 % intervals."""
    from medsegdiff.cli import console, study_lines
    from medsegdiff.engine.evaluate import evaluate_folders
    from medsegdiff.engine.evaluation_files import write_csv, write_summary

    with console.bar("comparing", is_wanted=not is_json) as bar:
        show = study_lines.score_shower(bar, is_json)
        summary = evaluate_folders(truth, prediction, split=split, progress=show)
    write_summary(output or prediction / "summary.json", summary)
    if csv is not None:
        write_csv(csv, summary)
    return study_lines.show_summary(summary, is_json)
