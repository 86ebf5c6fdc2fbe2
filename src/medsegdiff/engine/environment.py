"""On what a result was made: versions, processor, threads."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import medsegdiff
from medsegdiff.engine.precision import is_bf16_fast

PACKAGES = ("torch", "numpy", "scipy", "pydantic", "safetensors", "Pillow")


def environment() -> dict[str, Any]:
    """Versions and hardware as JSON values; no host, user or path names."""
    return {
        "medsegdiff": medsegdiff.__version__,
        "python": sys.version.split()[0],
        "packages": {name: _version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "bf16_on_cpu": is_bf16_fast(torch.device("cpu")),
    }


def _processor() -> str:
    """The processor's name as it calls itself; empty where nobody says."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
