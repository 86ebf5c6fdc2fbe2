"""How much memory a worker may use: an image that needs more fails its job, not the machine."""

from __future__ import annotations

import os
from pathlib import Path

GIGABYTE = 2**30
SHARE = 0.5  # of the machine's memory
LEAST_GB = 4.0


def limit_memory(gigabytes: float | None, device: str) -> int | None:
    """Limit what this process may use beyond what it uses now.

    A system without such a limit (Windows), and CUDA, which reserves far more addresses than it
    uses, are left as they are.

    Args:
        gigabytes: None takes half of the machine's memory, and at least four.
        device: of the predictions.

    Returns:
        The limit in bytes of address space; None if there is none.
    """
    try:
        import resource
    except ImportError:
        return None
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold the images
    used = _used_bytes()
    if used is None or _is_cuda(device):
        return None
    allowed = gigabytes if gigabytes is not None else max(LEAST_GB, SHARE * _machine_gigabytes())
    limit = used + int(allowed * GIGABYTE)
    _, hardest = resource.getrlimit(resource.RLIMIT_AS)
    if hardest != resource.RLIM_INFINITY:
        limit = min(limit, hardest)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hardest))
    return limit


def _is_cuda(device: str) -> bool:
    import torch

    return device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())


def _used_bytes() -> int | None:
    """Address space that this process has now (Linux); None where nobody says."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def _machine_gigabytes() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIGABYTE
