"""`medsegdiff serve`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from medsegdiff.cli.options import Device

Models = Annotated[
    list[str] | None,
    typer.Option(
        "-m", "--model", help="As for predict; several times for several. Else the bundled ones."
    ),
]
Host = Annotated[str, typer.Option(help="Address to listen on; others than this need a token.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")]
Token = Annotated[
    str | None, typer.Option(help="A secret that clients must show; auto makes one and prints it.")
]
AllowHost = Annotated[
    list[str] | None, typer.Option(help="Another name that this server is called by.")
]
AllowOrigin = Annotated[
    str | None, typer.Option(help="One web origin that may call the API, as https://ohif.example.")
]
Keep = Annotated[
    Path | None, typer.Option(help="Data set that corrected masks are written to, for training.")
]
Run = Annotated[Path | None, typer.Option(help="A RUN folder: watch its training.")]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="Jobs that run at once.")]
Waiting = Annotated[int, typer.Option(min=0, help="Jobs that may wait; further ones are refused.")]
Seconds = Annotated[float, typer.Option(min=1, help="That one job may take.")]
KeepMinutes = Annotated[float, typer.Option(min=0.01, help="After which results are deleted.")]
Grace = Annotated[float, typer.Option(min=0, help="Seconds for running jobs when it is stopped.")]
UploadMegabytes = Annotated[int, typer.Option(min=1, help="Largest upload.")]
MemoryGb = Annotated[float | None, typer.Option(min=0.1, help="That one job may use.")]
NEEDED = ("fastapi", "uvicorn", "python_multipart")
MISSING = (
    "The page needs packages that are not installed. In the folder with MedSegDiff's source type: "
    'pip install -c constraints.txt ".[serve]"'
)


def serve(
    models: Models = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token: Token = None,
    allow_host: AllowHost = None,
    allow_origin: AllowOrigin = None,
    keep: Keep = None,
    run: Run = None,
    jobs: Jobs = 2,
    waiting: Waiting = 8,
    seconds: Seconds = 900,
    keep_minutes: KeepMinutes = 30,
    grace_seconds: Grace = 30,
    upload_megabytes: UploadMegabytes = 512,
    memory_gb: MemoryGb = None,
    device: Device = "auto",
) -> None:
    """Open a page to segment images on. For this machine alone, unless a token is given."""
    from medsegdiff.cli import console
    from medsegdiff.errors import ConfigError

    if any(importlib.util.find_spec(package) is None for package in NEEDED):
        raise ConfigError(MISSING)
    from medsegdiff.cli import serve_start

    settings = serve_start.settings_of(
        models=models,
        host=host,
        port=port,
        token=token,
        allow_hosts=allow_host or [],
        allow_origin=allow_origin,
        keep=keep,
        run=run,
        jobs=jobs,
        waiting=waiting,
        seconds=seconds,
        keep_minutes=keep_minutes,
        grace_seconds=grace_seconds,
        upload_bytes=upload_megabytes * 2**20,
        memory_gb=memory_gb,
        device=device,
    )
    serve_start.start(settings)
    console.log("Stopped. Everything that was uploaded is deleted.")
