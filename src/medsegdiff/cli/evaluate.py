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
    """Compare predicted masks with true ones, at native size."""
    from medsegdiff.cli import console
    from medsegdiff.cli.study_lines import show_score, show_summary
    from medsegdiff.engine.evaluate import evaluate_folders
    from medsegdiff.engine.evaluation_files import write_csv, write_summary

    with console.bar("comparing", is_wanted=not is_json) as bar:
        summary = evaluate_folders(
            truth,
            prediction,
            split=split,
            progress=lambda score, n, total: (show_score(score, is_json), bar.at(n, total)),
        )
    write_summary(output or prediction / "summary.json", summary)
    if csv is not None:
        write_csv(csv, summary)
    return show_summary(summary, is_json)
