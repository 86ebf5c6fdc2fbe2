"""Forked workers: one dies alone, and none outlives the program."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from medsegdiff.engine.nursery import Nursery, can_fork

pytestmark = pytest.mark.skipif(not can_fork(), reason="processes are forked on Linux alone")
PROGRAM = """
import os, signal, time
from medsegdiff.engine.nursery import Nursery
pid, channel = Nursery(lambda channel: channel.recv(1)).worker()
print(pid, flush=True)
time.sleep(60)
"""


def echo(channel: socket.socket) -> None:
    """Send back what comes, until nothing does."""
    while content := channel.recv(99):
        channel.sendall(content)


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    """One whose workers echo."""
    nursery = Nursery(echo)
    yield nursery
    nursery.close()


def answers(channel: socket.socket) -> bool:
    channel.sendall(b"?")
    return channel.recv(1) == b"?"


def has_ended(pid: int) -> bool:
    """Whether a process ends within some seconds; one that nobody has asked after has, too."""
    for _ in range(300):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


def test_a_killed_worker_is_seen_and_replaced(nursery: Nursery):
    (first, channel), (_, other) = nursery.worker(), nursery.worker()
    with channel, other:
        os.kill(first, signal.SIGKILL)
        assert channel.recv(1) == b""
        assert nursery.ended(first) == -signal.SIGKILL
        assert answers(other)
    third, channel = nursery.worker()
    with channel:
        assert third != first
        assert answers(channel)


def test_workers_do_not_stop_at_ctrl_c(nursery: Nursery):
    pid, channel = nursery.worker()
    with channel:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(pid, number)
        assert answers(channel)


def test_all_end_with_the_nursery(nursery: Nursery):
    pid, channel = nursery.worker()
    with channel:
        nursery.close()
        assert has_ended(pid)
        with pytest.raises(OSError, match="No process is started"):
            nursery.worker()


def test_the_first_of_two_ends_while_the_second_lives(nursery: Nursery):
    second = Nursery(echo)  # a fork that holds all that is open here
    pid, channel = nursery.worker()
    with channel:
        nursery.close()
        assert has_ended(pid)
    _, channel = second.worker()
    with channel:
        assert answers(channel)
    second.close()


def test_a_killed_nursery_is_replaced(nursery: Nursery):
    os.kill(nursery._pid, signal.SIGKILL)
    assert has_ended(nursery._pid)
    _, channel = nursery.worker()
    with channel:
        assert answers(channel)


def test_workers_end_with_a_killed_program():
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        worker = int(program.stdout.readline())
        program.kill()
        assert has_ended(worker)
