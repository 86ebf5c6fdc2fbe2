"""`medsegdiff demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medsegdiff.cli.options import Device, Json

Picture = Annotated[Path, typer.Option("-o", "--output", help="The picture to write.")]
Members = Annotated[int, typer.Option("--members", min=1, help="Masks drawn for each image.")]
NEXT = """
To segment your own images:      medsegdiff predict -i IMAGES -o OUT -m skin-lesion --preview
To train on your own:            medsegdiff verify DATA
                                 medsegdiff train DATA -o RUN --max-minutes 30
                                 medsegdiff predict -i IMAGES -o OUT -m RUN
DATA is a folder with images/ and masks/, files paired by name. Not a medical device."""


def demo(
    output: Picture = Path("demo/skin-lesion.png"),
    members: Members = 8,
    device: Device = "auto",
    is_json: Json = False,
) -> None:
    """Segment the bundled images. Writes one picture that shows them all."""
    from medsegdiff.cli import console
    from medsegdiff.cli.study_lines import show_demo
    from medsegdiff.engine.demo import MODEL, demonstrate, samples_of, write_sheet
    from medsegdiff.engine.model_location import bundled_models
    from medsegdiff.engine.settings import with_predict
    from medsegdiff.engine.weights import TrainedModel

    samples, model = samples_of(MODEL), TrainedModel.load(bundled_models()[MODEL], device)
    config = with_predict(model.predict, members=members)
    results = show_demo(demonstrate(samples, model, config), is_json)
    write_sheet(output, results)
    console.log(f"\nLook at {output}.\n{NEXT}")
