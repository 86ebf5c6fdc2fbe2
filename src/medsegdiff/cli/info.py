"""`medsegdiff info`."""

from __future__ import annotations

from typing import Annotated

import typer

from medsegdiff.cli.options import Json

Model = Annotated[
    str, typer.Argument(help="A bundled model's name, a MODEL or RUN folder, or a weights file.")
]


def info(model: Model, is_json: Json = False) -> None:
    """Describe a model. What it segments, on which images, and how well."""
    from medsegdiff.cli import console
    from medsegdiff.engine.model_info import described
    from medsegdiff.engine.weights import TrainedModel

    facts = described(TrainedModel.load(model, "cpu"))
    if is_json:
        console.json_result(**facts)
        return
    for name, value in facts.items():
        console.result(f"{name.replace('_', ' '):22} {console.spelt(value)}")
