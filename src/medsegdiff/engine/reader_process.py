"""What a reader does, and how this process speaks with it.

here     order                 go                    the next order ...
reader          memory needed     sample, or error   (the image follows as plain numbers)
"""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

import torch

from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.formats import Header
from medsegdiff.data.preparation import voxel_digest
from medsegdiff.engine.nursery import Nursery
from medsegdiff.engine.study_messages import (
    received,
    received_sample,
    send,
    send_error,
    send_sample,
)
from medsegdiff.errors import MedSegDiffError, ResourceError, UnreadableStudy
from medsegdiff.types import Sample

Take = Callable[[int, int], object]  # (place, bytes): waits for memory
BytesOf = Callable[[Header], int]


@dataclass(frozen=True)
class Order:
    """A study to read.

    Args:
        study: its name.
        place: in the order, from 0.
        known_hash: of the image that an earlier run has drawn a mask of; None if none has.
    """

    study: str
    place: int
    known_hash: str | None = None


@dataclass(frozen=True)
class Read:
    """A study that was read.

    Args:
        found: the study, or why it cannot be read; None where its image is the one that is known.
        seconds: that it took, without waiting for memory.
    """

    found: Sample | Exception | None
    seconds: float


def read_here(order: Order, dataset: FileDataset, bytes_of: BytesOf, take: Take) -> Read:
    """Read a study in this process."""
    take(order.place, needed_bytes(order, dataset, bytes_of))
    started = time.perf_counter()
    try:
        found = unless_known(order, dataset)
    except Exception as error:
        found = error
    return Read(found, time.perf_counter() - started)


def needed_bytes(order: Order, dataset: FileDataset, bytes_of: BytesOf) -> int:
    """The memory that a study will take; 0 for one that cannot be read: loading it says why."""
    try:
        return bytes_of(dataset.header(order.study))
    except Exception:
        return 0


def unless_known(order: Order, dataset: FileDataset) -> Sample | None:
    """The study; None if its image is the one that is known."""
    sample = dataset.load(order.study)
    if order.known_hash is None or voxel_digest(sample.image).hex() != order.known_hash:
        return sample
    return None


def serve(channel: socket.socket, dataset: FileDataset, bytes_of: BytesOf) -> None:
    """What a reader does: carry out orders until nobody is there to give any.

    Args:
        channel: to the process that gives them.
        dataset: where the studies are.
        bytes_of: the memory that a study will take.
    """
    torch.set_num_threads(1)  # of several, the fork has brought only this one
    with suppress(EOFError, ConnectionError):
        while True:
            answer(channel, dataset, bytes_of)


def answer(channel: socket.socket, dataset: FileDataset, bytes_of: BytesOf) -> None:
    """Carry out one order; nothing of the study stays here.

    Raises:
        EOFError, ConnectionError: nobody is there to give any.
    """
    order = Order(**received(channel))
    send(channel, needed_bytes(order, dataset, bytes_of))
    received(channel)  # there is memory for it
    try:
        sample = unless_known(order, dataset)
    except Exception as error:
        send_error(channel, error)
    else:
        send_sample(channel, sample)


class ReaderProcess:
    """One reader, as this process sees it; started when it is needed, and anew when it has died.

    Args:
        nursery: which starts it.
        take: waits for memory.
    """

    def __init__(self, nursery: Nursery, take: Take) -> None:
        self._nursery = nursery
        self._take = take
        self._process: tuple[int, socket.socket] | None = None

    def read(self, order: Order) -> Read:
        """Have a study read.

        Raises:
            OSError: no process can be started.
        """
        started = time.perf_counter()
        self._process = self._process or self._nursery.worker()
        pid, channel = self._process
        waited = 0.0
        try:
            send(channel, asdict(order))
            size, asked = received(channel), time.perf_counter()
            self._take(order.place, size)
            waited = time.perf_counter() - asked
            send(channel, "go")
            found = received_sample(channel)
        except (EOFError, ConnectionError):
            self.close()
            found = death(order.study, self._nursery.ended(pid))
        return Read(found, time.perf_counter() - started - waited)

    def close(self) -> None:
        """Let it go: without this it ends."""
        if self._process is not None:
            self._process[1].close()
        self._process = None


def death(study: str, code: int | None) -> MedSegDiffError:
    """Why a study failed whose reader has died.

    Args:
        study: its name.
        code: the exit code, or minus the signal; None where nobody knows.
    """
    how = "for an unknown reason" if code is None else f"with exit code {code}"
    if code is not None and code < 0:
        how = f"by signal {-code}"
    if code == -signal.SIGKILL:
        return ResourceError(
            f"Study {study}: the process that read it was killed ({how}), as systems do that run "
            "out of memory. Give it more memory, or fewer --readers, and repeat with --continue."
        )
    return UnreadableStudy(
        f"Study {study}: the process that read it has ended {how}. A file of it is damaged in a "
        "way that crashes its decoder: open it with another program and save it anew."
    )
