"""A server on this machine alone, and how much memory it and its workers take."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LOOK_SECONDS = 0.5  # between two looks at the memory
THREADS = 1  # of a worker: two jobs run beside each other


@dataclass
class Server:
    """A running server.

    Args:
        address: as it printed it.
        process: of the server itself.
        private: where it keeps its files.
        log: its standard error.
        peak_mb: the most that each of its processes has had in memory, by process id.
        peak_together_mb: the most that all had at once.
    """

    address: str
    process: subprocess.Popen[str]
    private: Path
    log: Path
    peak_mb: dict[int, float] = field(default_factory=dict)
    peak_together_mb: float = 0.0

    def look(self) -> None:
        """See how much memory is taken now."""
        together = 0.0
        for pid in (self.process.pid, *children(self.process.pid)):
            now, most = memory_mb(pid)
            self.peak_mb[pid] = max(most, self.peak_mb.get(pid, 0.0))
            together += now
        self.peak_together_mb = max(self.peak_together_mb, together)

    @property
    def own_peak_mb(self) -> float:
        """The most that the server's own process has had."""
        return self.peak_mb[self.process.pid]

    @property
    def worker_peak_mb(self) -> float:
        """The most that one of its workers has had."""
        return max(most for pid, most in self.peak_mb.items() if pid != self.process.pid)


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[Server]:
    """Start `medsegdiff serve` on a free port of this machine, and end it.

    Args:
        folder: for its files and its log.
        words: further ones of its command line.
    """
    private, log = folder / "private", folder / "log.txt"
    private.mkdir()
    command = [sys.executable, "-m", "medsegdiff", "serve", "--port", "0", "--device", "cpu"]
    own = {**os.environ, "TMPDIR": str(private), "OMP_NUM_THREADS": str(THREADS)}
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [*command, *words], stdout=subprocess.PIPE, stderr=stderr, text=True, env=own
        )
    assert process.stdout is not None
    is_over = threading.Event()
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise SystemExit(f"The server has not started:\n{log.read_text()}")
        server = Server(address, process, private, log)
        watcher = threading.Thread(target=_watch, args=(server, is_over), daemon=True)
        watcher.start()
        yield server
    finally:
        is_over.set()
        process.terminate()
        process.wait(60)


def children(pid: int) -> list[int]:
    """Processes that a process has started; Linux lists them."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident memory of a process now, and the most it ever had; 0 once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0, 0.0
    found = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return int(found.get("VmRSS", 0)) / 1024, int(found.get("VmHWM", 0)) / 1024


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used; 0 once it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def all_cpu_seconds() -> float:
    """Processor time that the whole machine has used since it was started, in seconds."""
    fields = [int(one) for one in Path("/proc/stat").read_text().splitlines()[0].split()[1:8]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def _watch(server: Server, is_over: threading.Event) -> None:
    while not is_over.wait(LOOK_SECONDS):
        server.look()
