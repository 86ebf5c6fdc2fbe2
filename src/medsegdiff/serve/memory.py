"""How much memory a worker may use: an image that needs more fails its job, not the machine."""

from __future__ import annotations

import os
from pathlib import Path

GIGABYTE = 2**30
SHARE = 0.5  # of the machine's memory, for all workers together
LEAST_GB = 1.0  # below that no job would end well


def limit_memory(gigabytes: float | None, device: str, workers: int) -> int | None:
    """Limit what this process may use beyond what it uses now.

    A system without such a limit (Windows), and CUDA, which reserves far more addresses than it
    uses, are left as they are.

    Args:
        gigabytes: None takes this worker's part of half of the machine's memory, or of its
            container's, and at least one.
        device: of the predictions.
        workers: that share the machine.

    Returns:
        The limit in bytes of address space; None if there is none.
    """
    try:
        import resource
    except ImportError:
        return None
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold the images
    allowed = share_gigabytes(workers) if gigabytes is None else gigabytes
    if _is_cuda(device) or (used := _used_bytes()) is None:
        return None
    limit = used + int(allowed * GIGABYTE)
    _, hardest = resource.getrlimit(resource.RLIMIT_AS)
    if hardest != resource.RLIM_INFINITY:
        limit = min(limit, hardest)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hardest))
    return limit


def share_gigabytes(workers: int) -> float:
    """What one of several workers may use where nobody has said."""
    from medsegdiff.data.memory import machine_bytes  # torch comes with it

    return max(LEAST_GB, SHARE * machine_bytes() / workers / GIGABYTE)


def _is_cuda(device: str) -> bool:
    import torch

    return device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())


def _used_bytes() -> int | None:
    """Address space that this process has now (Linux); None where nobody says."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None
