"""`medsegdiff predict`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from medsegdiff.cli.options import (
    Compile,
    Device,
    Json,
    Members,
    Model,
    Out,
    Split,
    settings_argument,
)

Images = Annotated[Path, typer.Option("-i", "--input", help="An image or a folder of images.")]
Steps = Annotated[int | None, typer.Option(help="Steps from noise to mask.")]
Sampler = Annotated[str | None, typer.Option(help="ddim, dpm_solver or ddpm.")]
Seed = Annotated[int | None, typer.Option(help="Another seed, other members.")]
Probabilities = Annotated[bool, typer.Option("--save-probabilities", help="OUT/probabilities/")]
Uncertainty = Annotated[bool, typer.Option("--save-uncertainty", help="OUT/uncertainty/")]
SaveMembers = Annotated[bool, typer.Option("--save-members", help="OUT/members/")]
Preview = Annotated[bool, typer.Option("--preview", help="Pictures for people: OUT/previews/")]
Continue = Annotated[bool, typer.Option("--continue", help="Leave out what is done already.")]
Readers = Annotated[
    int | None, typer.Option("-npp", "--readers", help="Processes that read the next studies.")
]
Writers = Annotated[
    int | None, typer.Option("-nps", "--writers", help="Threads that write masks and maps.")
]
Parts = Annotated[int, typer.Option("--num-parts", help="Parts of a folder, for job arrays.")]
PartId = Annotated[int, typer.Option("--part-id", help="Which part to predict, from 0.")]
Settings = Annotated[list[str] | None, settings_argument("ensemble=staple keep_largest=true")]


def predict(
    images: Images,
    out: Out,
    model: Model,
    settings: Settings = None,
    members: Members = None,
    steps: Steps = None,
    sampler: Sampler = None,
    seed: Seed = None,
    probabilities: Probabilities = False,
    uncertainty: Uncertainty = False,
    save_members: SaveMembers = False,
    previews: Preview = False,
    is_continued: Continue = False,
    split: Split = None,
    num_parts: Parts = 1,
    part_id: PartId = 0,
    readers: Readers = None,
    writers: Writers = None,
    device: Device = "auto",
    is_compiled: Compile = False,
    is_json: Json = False,
) -> int:
    """Segment images. Draws one mask each, at the image's own size and in the model's values."""
    from medsegdiff.cli import given, study_lines
    from medsegdiff.engine import folder_prediction, outputs, weights
    from medsegdiff.engine.settings import validated, with_overrides, with_predict
    from medsegdiff.engine.workers import Part, Workers

    flags = {"members": members, "steps": steps, "sampler": sampler, "seed": seed}
    flags["compiled"] = is_compiled or None
    given.check_given_once(flags, settings or ())
    part = validated(Part, {"num_parts": num_parts, "part_id": part_id})
    wanted = {"readers": readers, "writers": writers}
    workers = validated(Workers, {key: one for key, one in wanted.items() if one is not None})
    trained = weights.TrainedModel.load(model, device)
    config = with_overrides(with_predict(trained.predict, **flags), settings or ())
    extras = outputs.Extras(
        probabilities=probabilities,
        uncertainty=uncertainty,
        members=save_members,
        previews=previews,
    )
    predicted = partial(
        folder_prediction.predict_folder,
        images,
        out,
        trained,
        config,
        extras=extras,
        split=split,
        part=part,
        is_continued=is_continued,
        workers=workers,
    )
    return study_lines.show_predictions(predicted, is_json)
