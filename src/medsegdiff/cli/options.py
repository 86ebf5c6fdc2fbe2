"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    str,
    typer.Option(
        "-m", "--model", help="A bundled model's name, a MODEL or RUN folder, or a weights file."
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 ...")]
Compile = Annotated[
    bool, typer.Option("--compile", help="GPUs: compile first, for minutes; then faster.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON lines on stdout.")]
Split = Annotated[
    str | None,
    typer.Option("--split", help="Only these studies of splits.json: train, val or test."),
]
Layout = Annotated[
    str | None,
    typer.Option("--layout", help="The data set's layout, where it is not recognised."),
]
Members = Annotated[
    int | None,
    typer.Option("--members", help="Masks drawn for each study; 0: the condition head's alone."),
]
Out = Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")]


def settings_argument(example: str) -> object:
    """The argument that takes any other setting, with an example in its help."""
    return typer.Argument(metavar="[PATH=VALUE]...", help=f"Any other setting, as {example}.")
