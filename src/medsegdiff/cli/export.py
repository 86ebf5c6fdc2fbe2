"""`medsegdiff export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Source = Annotated[str, typer.Argument(help="A RUN folder, one of its folds, or a model.")]
Target = Annotated[Path, typer.Option("-o", "--output", help="The MODEL folder to write.")]


def export(run: Source, folder: Target) -> None:
    """Write a MODEL folder. A run's best weights as float16, usable alone."""
    from medsegdiff.cli import console
    from medsegdiff.engine.export import existing_card, export_model
    from medsegdiff.engine.weights import TrainedModel

    model = TrainedModel.load(run, "cpu")
    export_model(model, folder)
    console.result(str(folder))
    if existing_card(model) is None:
        console.log(f"Complete the model card {folder / 'README.md'}: on which data, for whom.")
