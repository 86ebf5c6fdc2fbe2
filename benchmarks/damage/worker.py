"""Reading files in a process of its own, so that one that crashes, hangs or grows is only counted.

The process sends back what it read as a digest, with the seconds that it took and by how much its
memory grew meanwhile; a process that dies or takes too long is replaced.
"""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 10.0
BUDGET_BYTES = 2**30  # that readers are allowed for a study, as float32
SPACE_BYTES = 5 * 2**30  # of addresses beyond those of the idle process; guards the machine
START_SECONDS = 120.0
MB = 1e6


@dataclass(frozen=True)
class Read:
    """What one way of reading a file gave.

    Args:
        values: digest of shape and float32 values, shape (C, *S); empty for an error.
        affine: of its geometry, as nested lists; None without one.
        error: the class of the error that was raised; empty if none was.
        is_refusal: whether that is one of the project's own errors.
        text: of the error.
    """

    values: str = ""
    affine: list[list[float]] | None = None
    error: str = ""
    is_refusal: bool = False
    text: str = ""


@dataclass(frozen=True)
class Report:
    """What became of reading one file.

    Args:
        header, image, mask: each way of reading; None when the process ended before.
        seconds: for all three.
        megabytes: by which the largest memory in use exceeded that of before; 0 where the system
            does not tell (it is Linux that does).
        end: how the process ended, if it did.
    """

    header: Read | None = None
    image: Read | None = None
    mask: Read | None = None
    seconds: float = 0.0
    megabytes: float = 0.0
    end: str = ""


def digest(values: np.ndarray) -> str:
    """Name an array by shape and float32 content."""
    content = np.ascontiguousarray(values, dtype=np.float32)
    return f"{content.shape} {hashlib.sha256(content.tobytes()).hexdigest()}"


class Worker:
    """A process that reads files, one at a time; use it in a `with` statement."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.process: Any = None
        self.connection: Connection | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def read(self, path: Path) -> Report:
        """Read a file as header, image and mask."""
        connection = self._started()
        begun = time.perf_counter()
        connection.send(path)
        try:
            if connection.poll(self.seconds):
                return connection.recv()
            end = "hang"
        except EOFError:
            self.process.join()
            end = f"exit {self.process.exitcode}"
        self._stop()
        return Report(seconds=time.perf_counter() - begun, end=end)

    def _started(self) -> Connection:
        if self.connection is None:
            context = multiprocessing.get_context("spawn")
            self.connection, theirs = context.Pipe()
            self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
            self.process.start()
            theirs.close()
            if not self.connection.poll(START_SECONDS):
                raise RuntimeError("the reading process does not start")
            self.connection.recv()
        return self.connection

    def _stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
        if self.connection is not None:
            self.connection.close()
        self.process = self.connection = None


def _serve(connection: Connection) -> None:
    """Answer with a report for every path, until the other side hangs up."""
    from medsegdiff.data import reader

    logging.disable()
    warnings.simplefilter("ignore")
    _import_decoders()
    _limit_space()
    ways: dict[str, Callable[[Path], Read]] = {
        "header": lambda path: Read(affine=_affine(reader.read_header(path, BUDGET_BYTES))),
        "image": lambda path: _image(reader.read_image(path, BUDGET_BYTES)),
        "mask": lambda path: _mask(reader.read_mask(path, BUDGET_BYTES)),
    }
    connection.send("ready")
    with suppress(EOFError):
        while True:
            connection.send(_measured(connection.recv(), ways))


def _import_decoders() -> None:
    """Import what the formats import inside functions, so that it is not counted to a file."""
    import nibabel
    import pydicom.pixels
    import SimpleITK

    _ = nibabel, pydicom.pixels, SimpleITK


def _measured(path: Path, ways: dict[str, Callable[[Path], Read]]) -> Report:
    before = _memory("VmRSS")
    _forget_peak()
    begun = time.perf_counter()
    results = {name: _tried(way, path) for name, way in ways.items()}
    seconds = time.perf_counter() - begun
    return Report(**results, seconds=seconds, megabytes=max(0.0, _memory("VmHWM") - before))


def _tried(way: Callable[[Path], Read], path: Path) -> Read:
    from medsegdiff.errors import MedSegDiffError

    try:
        return way(path)
    except Exception as error:
        is_refusal = isinstance(error, MedSegDiffError)
        return Read(error=type(error).__name__, is_refusal=is_refusal, text=str(error))


def _image(scan: Any) -> Read:
    return Read(digest(scan.image.numpy()), _affine(scan))


def _mask(mask: Any) -> Read:
    dims = mask.geometry.space_dims
    colours_first = (
        np.moveaxis(mask.values, -1, 0) if mask.values.ndim > dims else mask.values[None]
    )
    return Read(digest(colours_first), _affine(mask))


def _affine(holder: Any) -> list[list[float]] | None:
    affine = holder.geometry.affine
    return None if affine is None else affine.tolist()


def _limit_space() -> None:
    if sys.platform == "linux":
        import resource

        limit = int(_memory("VmSize") * MB) + SPACE_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _forget_peak() -> None:
    """Let the kernel measure the largest resident memory anew (proc(5), clear_refs)."""
    if sys.platform == "linux":
        with suppress(OSError):
            Path(f"/proc/{os.getpid()}/clear_refs").write_text("5")


def _memory(field: str) -> float:
    """A line of /proc/self/status in MB; 0 where there is none."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return 0.0
    lines = (line.split() for line in status.read_text().splitlines())
    return next(int(line[1]) * 1024 / MB for line in lines if line[0] == f"{field}:")
