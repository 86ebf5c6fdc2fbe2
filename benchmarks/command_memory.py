"""What a command takes: its seconds, and the most memory of all its processes together. Linux only.

Memory is the sum of the proportional set sizes of the command and its children: what processes
share is counted once.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

EVERY = 0.2  # seconds between two looks at the memory, which hold the command up
PROGRAM = (sys.executable, "-m", "medsegdiff")


def watched(command: Sequence[str]) -> tuple[float, int]:
    """Run a command; its seconds, and the most bytes of it and its children together."""
    begun, most = time.perf_counter(), 0
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            most = max(most, sum(map(proportional_bytes, family(process.pid))))
            time.sleep(EVERY)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}.")
    return time.perf_counter() - begun, most


def family(parent: int) -> Iterator[int]:
    """A process and all that it has started."""
    yield parent
    try:
        tasks = list(Path(f"/proc/{parent}/task").iterdir())
        children = [one for task in tasks for one in (task / "children").read_text().split()]
    except OSError:  # it has ended
        return
    for child in children:
        yield from family(int(child))


def proportional_bytes(process: int) -> int:
    """Memory of a process; what it shares with others counts in part."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(one.split()[1]) * 1024 for one in lines if one.startswith("Pss:")), 0)
