"""What goes through the socket to a reader: lines of JSON, and images as plain numbers after them.

A reader has decoded files that nobody has checked: nothing that it says is ever run.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from medsegdiff import errors
from medsegdiff.types import Geometry, Sample

LENGTH = 8  # bytes that say how long a message is


def send(channel: socket.socket, message: Any) -> None:
    """Send a value that JSON knows."""
    content = json.dumps(message).encode()
    channel.sendall(len(content).to_bytes(LENGTH, "big") + content)


def received(channel: socket.socket) -> Any:
    """The next value of the other side.

    Raises:
        EOFError, ConnectionError: the other side is gone.
    """
    length = bytearray(LENGTH)
    fill(channel, memoryview(length))
    content = bytearray(int.from_bytes(length, "big"))
    fill(channel, memoryview(content))
    return json.loads(content)


def send_error(channel: socket.socket, error: Exception) -> None:
    """Send why a study cannot be read."""
    send(channel, {"error": type(error).__name__, "message": str(error)})


def send_sample(channel: socket.socket, sample: Sample | None) -> None:
    """Send a study without its masks, which no prediction looks at; None where it is known."""
    if sample is None:
        send(channel, None)
        return
    grid = sample.geometry
    image = sample.image.contiguous()
    described = {
        "study": sample.study,
        "channels": len(image),
        "shape": grid.shape,
        "spacing_mm": grid.spacing_mm,
        "affine": None if grid.affine is None else grid.affine.tolist(),
        "path": None if sample.path is None else str(sample.path),
        "group": sample.group,
        "modality": sample.modality,
    }
    send(channel, described)
    channel.sendall(plain(image))


def received_sample(channel: socket.socket) -> Sample | Exception | None:
    """A study, or why there is none; None where it is known.

    Raises:
        EOFError, ConnectionError: the reader has died.
    """
    found = received(channel)
    if found is None:
        return None
    if "error" in found:
        return error_named(found["error"], found["message"])
    shape, spacing, affine = (found[key] for key in ("shape", "spacing_mm", "affine"))
    grid = Geometry(
        tuple(shape),
        None if spacing is None else tuple(spacing),
        None if affine is None else torch.tensor(affine, dtype=torch.float64),
    )
    image = torch.empty(found["channels"], *shape)
    fill(channel, plain(image))
    path = None if found["path"] is None else Path(found["path"])
    told = {key: found[key] for key in ("group", "modality")}
    return Sample(found["study"], image, grid, path=path, **told)


def error_named(name: str, message: str) -> Exception:
    """An error of our own as it was; another one as an error of the program, with its name."""
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, errors.MedSegDiffError):
        return kind(message)
    return MemoryError(message) if name == "MemoryError" else RuntimeError(f"{name}: {message}")


def plain(image: Tensor) -> memoryview:
    """The bytes of a tensor, not copied."""
    return image.numpy().data.cast("B")


def fill(channel: socket.socket, buffer: memoryview) -> None:
    """Receive as many bytes as fit.

    Raises:
        EOFError, ConnectionError: the other side is gone before.
    """
    while buffer:
        count = channel.recv_into(buffer)
        if count == 0:
            raise EOFError
        buffer = buffer[count:]
