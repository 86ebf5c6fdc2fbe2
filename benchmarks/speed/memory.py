"""The most memory that a process has needed."""

from __future__ import annotations

import resource
import sys

MIB = 2**20


def peak() -> float:
    """MiB that this process has needed at most so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB
