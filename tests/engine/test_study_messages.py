"""Studies and errors come out of the socket as they went in."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from medsegdiff.engine.study_messages import (
    error_named,
    received,
    received_sample,
    send,
    send_error,
    send_sample,
)
from medsegdiff.errors import GridMismatch
from medsegdiff.types import Geometry, Sample

AFFINE = torch.tensor([[0, 0, 0.7, -1], [0, 1 / 3, 0, 2], [3.1, 0, 0, 0.1], [0, 0, 0, 1]]).double()
VOLUME = Sample(
    "größe",
    torch.rand(2, 40, 64, 64) * 1e3,
    Geometry((40, 64, 64), (3.1, 1 / 3, 0.7), AFFINE),
    labels=torch.zeros(40, 64, 64, dtype=torch.int64),
    path=Path("a") / "größe_0000.nii.gz",
    group="patient",
    modality="MR",
)


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a channel."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_volume_arrives_bit_by_bit(sockets):
    threading.Thread(target=send_sample, args=(sockets[0], VOLUME)).start()
    found = received_sample(sockets[1])
    assert isinstance(found, Sample)
    assert found.image.equal(VOLUME.image)
    assert found.geometry.affine is not None
    assert found.geometry.affine.equal(AFFINE)
    assert found.geometry.spacing_mm == VOLUME.geometry.spacing_mm
    for name in ("study", "path", "group", "modality"):
        assert getattr(found, name) == getattr(VOLUME, name)
    assert found.labels is None  # no prediction looks at them


def test_a_known_study_is_not_sent(sockets):
    send_sample(sockets[0], None)
    assert received_sample(sockets[1]) is None


def test_an_error_keeps_its_kind_and_its_words(sockets):
    send_error(sockets[0], GridMismatch("The grids differ."))
    found = received_sample(sockets[1])
    assert type(found) is GridMismatch
    assert str(found) == "The grids differ."


def test_errors_of_others_keep_their_name():
    assert str(error_named("KeyError", "'x'")) == "KeyError: 'x'"
    assert isinstance(error_named("MemoryError", ""), MemoryError)
    assert isinstance(error_named("Path", "of no error"), RuntimeError)


def test_half_a_message_is_a_reader_that_died(sockets):
    send(sockets[0], "whole")
    sockets[0].sendall((99).to_bytes(8, "big") + b"half")
    sockets[0].close()
    assert received(sockets[1]) == "whole"
    with pytest.raises(EOFError):
        received(sockets[1])
