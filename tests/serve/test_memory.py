"""What a worker may use: its part of the machine, or of the container."""

from __future__ import annotations

import subprocess
import sys

import pytest

from medsegdiff.data import memory
from medsegdiff.serve.memory import GIGABYTE, share_gigabytes

LIMITED = """
import resource
from medsegdiff.serve.memory import _used_bytes, limit_memory
limit = limit_memory(0.5, "cpu", workers=2)
assert resource.getrlimit(resource.RLIMIT_AS)[0] == limit
assert abs(limit - _used_bytes() - 2**29) < 2**27, limit
bytearray(2**28)
try:
    bytearray(2**30)
except MemoryError:
    print("enough")
"""


@pytest.fixture
def container(tmp_path, monkeypatch):
    """A container of 12 GB on a machine that has more."""
    limit = tmp_path / "memory.max"
    limit.write_text(f"{12 * GIGABYTE}\n")
    monkeypatch.setattr(memory, "CONTAINER_LIMIT", limit)
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 4096}.get(name, 2**24))
    memory.machine_bytes.cache_clear()
    yield
    memory.machine_bytes.cache_clear()


def test_workers_share_half_of_the_container(container):
    assert [share_gigabytes(workers) for workers in (1, 2, 3)] == [6, 3, 2]


def test_a_worker_has_enough_for_a_job(container):
    assert share_gigabytes(64) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process uses")
def test_what_is_beyond_the_limit_is_refused():
    found = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True)
    assert found.stdout == "enough\n", found.stderr
