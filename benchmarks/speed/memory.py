"""The most memory that a process has needed."""

from __future__ import annotations

import torch

from medsegdiff.engine.budget import peak_memory_gb


def peak() -> float:
    """MiB that this process has needed at most so far; nan where nobody says."""
    found = peak_memory_gb(torch.device("cpu"))
    return float("nan") if found is None else found * 1024
