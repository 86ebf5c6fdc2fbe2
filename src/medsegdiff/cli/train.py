"""`medsegdiff train`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from medsegdiff.cli.options import Device, Json, settings_argument

Data = Annotated[Path, typer.Argument(help="A folder with images/ and masks/.")]
Run = Annotated[Path, typer.Option("-o", "--output", help="The RUN folder to write.")]
Recipe = Annotated[
    str | None, typer.Option("--config", help="A YAML file, or medsegdiff_v1 or unet.")
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
    device: Device = "auto",
    is_json: Json = False,
) -> None:
    """Train a model on images and masks; a run that was stopped goes on."""
    from medsegdiff.cli.settings import budget, fold_number
    from medsegdiff.cli.training_lines import show_training, watching
    from medsegdiff.engine.config import read_run_config
    from medsegdiff.engine.opening import open_data
    from medsegdiff.engine.train import train as train_model

    overrides = [*(settings or ()), *budget(max_minutes, max_hours, max_steps)]
    chosen = read_run_config(config, overrides)
    with watching(is_json) as observer:
        result = train_model(
            open_data(data),
            run,
            chosen,
            fold=fold_number(fold),
            resume=resume.value,
            init=init,
            accept_changes=accept_changes,
            device=device,
            observer=observer,
        )
    show_training(result, run, is_json)
