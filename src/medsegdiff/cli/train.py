"""`medsegdiff train`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from medsegdiff.cli.options import Compile, Device, Json, Layout, settings_argument

Data = Annotated[Path, typer.Argument(help="A data set in any layout.")]
Run = Annotated[Path, typer.Option("-o", "--output", help="The RUN folder to write.")]
Recipe = Annotated[
    str | None,
    typer.Option("--config", help="A YAML file, raters, unet, medsegdiff_v1 or medsegdiff_v2."),
]
Fold = Annotated[str, typer.Option("-f", "--fold", help="0 to 4, or all.")]
Init = Annotated[str | None, typer.Option(help="A model to start from.")]
Accept = Annotated[bool, typer.Option(help="Resume with changed data or settings.")]
Minutes = Annotated[float | None, typer.Option(help="The time it may take.")]
Hours = Annotated[float | None, typer.Option(help="The same in hours.")]
Steps = Annotated[int | None, typer.Option(help="The steps it may take.")]
Settings = Annotated[list[str] | None, settings_argument("train.batch_size=8")]


class Resume(str, Enum):
    """What to do with a run that has begun."""

    auto = "auto"
    never = "never"


def train(
    data: Data,
    run: Run,
    settings: Settings = None,
    config: Recipe = None,
    fold: Fold = "0",
    resume: Annotated[Resume, typer.Option(help="Go on, or start anew.")] = Resume.auto,
    init: Init = None,
    accept_changes: Accept = False,
    max_minutes: Minutes = None,
    max_hours: Hours = None,
    max_steps: Steps = None,
    layout: Layout = None,
    device: Device = "auto",
    is_compiled: Compile = False,
    is_json: Json = False,
) -> None:
    """Train on a data set. A run that was stopped goes on where it was."""
    from medsegdiff.cli import given, training_lines
    from medsegdiff.engine import opening
    from medsegdiff.engine import settings as settings_of
    from medsegdiff.engine.train import train as train_model

    flags = given.budget(max_minutes, max_hours, max_steps)
    flags += ["train.compiled=true"] if is_compiled else []
    given.check_given_once(dict(flag.split("=", 1) for flag in flags), settings or ())
    chosen = settings_of.read_run_config(config, [*(settings or ()), *flags])
    how: dict[str, Any] = {"fold": given.fold_number(fold), "resume": resume.value, "init": init}
    how |= {"accept_changes": accept_changes, "device": device}
    dataset = opening.open_data(data, layout)
    with training_lines.watching(is_json) as observer:
        result = train_model(dataset, run, chosen, observer=observer, **how)
    training_lines.show_training(result, run, is_json)
