"""What a person may choose of the server; nothing here needs torch."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import Field, model_validator
from typing_extensions import Self

from medsegdiff.component import Config

MEGABYTE = 2**20


class ServeSettings(Config):
    """The server's settings; the defaults suit one machine that is used by a few people.

    Args:
        models: bundled names, MODEL or RUN folders, or weights files; the first is offered first.
        host: address to listen on; another than this machine's own needs a token.
        port: to listen on; 0 takes a free one.
        token: what a client must show; None asks for nothing.
        allow_origin: one other web origin that may call the API, such as an OHIF viewer's.
        allow_hosts: names by which this server is called, beside its address and localhost.
        device: of the predictions: auto, cpu, cuda ...
        jobs: that run at once, each in a process of its own.
        waiting: jobs that may wait; further ones are refused.
        seconds: that one job may take.
        reading_seconds: of these, for unpacking and reading its files.
        upload_bytes: of one request.
        unpacked_bytes: of one upload after decompression.
        upload_files: in one upload, before and after decompression.
        store_bytes: of all uploads and results together; beyond it no upload is taken.
        memory_gb: that one worker may use beyond its model; None shares half of the machine's,
            or of its container's, among `jobs`.
        keep_minutes: after which a finished job is deleted with its files.
        grace_seconds: that running jobs are given to end when the server is stopped.
        keep: data set that corrected masks are written to; None takes none.
        run: folder of a training to watch.
    """

    models: tuple[str, ...] = ("skin-lesion",)
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    token: str | None = Field(default=None, min_length=16)
    allow_origin: str | None = Field(default=None, pattern=r"^https?://[^/\s]+$")
    allow_hosts: tuple[str, ...] = ()
    device: str = "auto"
    jobs: int = Field(default=2, ge=1, le=64)
    waiting: int = Field(default=8, ge=0)
    seconds: float = Field(default=900, gt=0)
    reading_seconds: float = Field(default=120, gt=0)
    upload_bytes: int = Field(default=512 * MEGABYTE, gt=0)
    unpacked_bytes: int = Field(default=2048 * MEGABYTE, gt=0)
    upload_files: int = Field(default=4000, ge=1)
    store_bytes: int = Field(default=8192 * MEGABYTE, gt=0)
    memory_gb: float | None = Field(default=None, gt=0)
    keep_minutes: float = Field(default=30, gt=0)
    grace_seconds: float = Field(default=30, ge=0)
    keep: Path | None = None
    run: Path | None = None

    @model_validator(mode="after")
    def _others_need_a_token(self) -> Self:
        if not is_loopback(self.host) and self.token is None:
            raise ValueError(
                f"{self.host} can be reached from other machines, and so needs a token: add "
                "--token auto, or a secret of your own of at least 16 letters"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
