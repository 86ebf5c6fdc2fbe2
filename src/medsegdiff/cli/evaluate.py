"""`medsegdiff evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medsegdiff.cli.options import Json, Split

Truth = Annotated[
    Path, typer.Option("-gt", "--gt", help="Folder of the true masks, or a data set.")
]
Predicted = Annotated[Path, typer.Option("-p", "--prediction", help="Folder of predicted masks.")]
SummaryFile = Annotated[
    Path | None, typer.Option("-o", "--output", help="The JSON file; else in the predictions.")
]
Tolerance = Annotated[
    float, typer.Option(min=0, help="Of NSD: mm, or pixels where no spacing is known.")
]
LesionOverlap = Annotated[
    float, typer.Option(min=0, max=1, help="Share of a lesion that must be hit; 0 is one voxel.")
]
Csv = Annotated[Path | None, typer.Option("--csv", help="A table, one line a study and class.")]
Html = Annotated[Path | None, typer.Option("--html", help="A report with plots and pictures.")]


def evaluate(
    truth: Truth,
    prediction: Predicted,
    output: SummaryFile = None,
    csv: Csv = None,
    html: Html = None,
    split: Split = None,
    tolerance: Tolerance = 2.0,
    lesion_overlap: LesionOverlap = 0.0,
    is_json: Json = False,
) -> int:
    """Compare masks with the truth. At native size, in mm, with 95 % intervals."""
    from medsegdiff.cli import console, study_lines
    from medsegdiff.engine.evaluate import evaluate_folders
    from medsegdiff.engine.evaluation_files import write_csv, write_summary
    from medsegdiff.engine.report import Given, write_report
    from medsegdiff.engine.study_score import Scoring

    scoring = Scoring(tolerance=tolerance, lesion_overlap=lesion_overlap)
    with console.bar("comparing", is_wanted=not is_json) as bar:
        show = study_lines.score_shower(bar, is_json)
        summary = evaluate_folders(truth, prediction, split=split, scoring=scoring, progress=show)
    file = output or prediction / "summary.json"
    write_summary(file, summary)
    if csv is not None:
        write_csv(csv, summary)
    if html is not None:
        with console.bar("drawing", is_wanted=not is_json) as bar:
            write_report(prediction, html, Given(truth=truth, summary=file), bar.at)
    return study_lines.show_summary(summary, is_json)
