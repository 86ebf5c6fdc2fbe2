"""Commands as a user types them, and the memory that they need."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence


def peak_of(command: Sequence[str], **variables: str) -> float:
    """Run a command to its end; MiB of the largest of its processes, this one included.

    Args:
        command: with its program.
        variables: of its environment, beside ours.

    Raises:
        CalledProcessError: it failed; what it said went to stderr.
    """
    environment = {**os.environ, **variables}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as process:
        _, status, usage = os.wait4(process.pid, 0)  # of it and all that it has waited for
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 2**20
