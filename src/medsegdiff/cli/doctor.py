"""`medsegdiff doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medsegdiff.cli.options import Json

Where = Annotated[Path, typer.Argument(help="The folder in which files would be written.")]


def doctor(folder: Where = Path(), is_json: Json = False) -> int:
    """Check this machine. Versions, devices, memory, disk and weights, and what will be used."""
    from medsegdiff.cli import console
    from medsegdiff.engine.doctor import examine

    findings = list(examine(folder))
    for one in findings:
        if is_json:
            console.json_result(**vars(one))
            continue
        console.result(f"{'ok' if one.is_ok else 'NO':3} {one.what:18} {one.value}")
        if not one.is_ok:
            console.log(one.advice)
    return 0 if all(one.is_ok for one in findings) else 5
