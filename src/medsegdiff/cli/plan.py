"""`medsegdiff plan`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from medsegdiff.cli.options import Device, Json, Layout, settings_argument

Data = Annotated[Path, typer.Argument(help="The data set, as for train.")]
Recipe = Annotated[str | None, typer.Option("--config", help="As for train.")]
Settings = Annotated[list[str] | None, settings_argument("train.dimensions=2")]


def plan(
    data: Data,
    settings: Settings = None,
    config: Recipe = None,
    layout: Layout = None,
    device: Device = "auto",
    is_json: Json = False,
) -> None:
    """Say how a training would look at a data set, and why. Nothing is trained or written."""
    from medsegdiff.cli import console
    from medsegdiff.engine import opening
    from medsegdiff.engine import settings as settings_of
    from medsegdiff.engine.run_setup import plan_of
    from medsegdiff.engine.run_splits import left_out

    chosen = settings_of.read_run_config(config, settings or ())
    dataset = opening.open_data(data, layout)
    found = plan_of(dataset, chosen, device)
    if unused := left_out(dataset):
        console.log(unused)
    if is_json:
        console.result(json.dumps(found.to_json()))
        return
    for reason in found.reasons:
        console.result(reason)
