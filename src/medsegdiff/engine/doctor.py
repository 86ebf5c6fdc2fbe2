"""Is this machine fit for it? Versions, devices, memory, disk, and what will be used."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from medsegdiff.engine.environment import environment
from medsegdiff.engine.model_location import bundled_models
from medsegdiff.engine.precision import chosen_device, uses_bf16
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import MedSegDiffError
from medsegdiff.files import atomic_write

REINSTALL = "In the folder with MedSegDiff's source type: pip install -c constraints.txt ."
DISK_GB, MEMORY_GB = 2.0, 3.0  # a run with its checkpoints; a training of the default network


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        what: was looked at.
        value: was found.
        is_ok: whether it is fit for use.
        advice: what to do if it is not.
    """

    what: str
    value: str
    is_ok: bool = True
    advice: str = ""


def examine(folder: Path) -> Iterator[Finding]:
    """Look at everything a training or prediction needs.

    Args:
        folder: where files would be written.
    """
    known = environment()
    yield Finding("medsegdiff", f"{known['medsegdiff']} on Python {known['python']}")
    packages = (f"{name} {version or 'missing'}" for name, version in known["packages"].items())
    missing = [name for name, version in known["packages"].items() if version is None]
    yield Finding("packages", ", ".join(packages), not missing, REINSTALL)
    yield Finding("system", f"{known['system']}, {known['processors']} processors")
    yield Finding("devices", ", ".join([*_gpus(), "cpu"]))
    device = chosen_device("auto")
    numbers = "bf16" if uses_bf16("auto", device) else "fp32"
    yield Finding("will use", f"{device}, {numbers}, {known['threads']} thread(s)")
    yield _memory()
    yield _disk(folder)
    yield _writing(folder)
    yield from _models()


def _gpus() -> list[str]:
    count = torch.cuda.device_count()
    sizes = (torch.cuda.get_device_properties(one).total_memory / 1e9 for one in range(count))
    return [
        f"cuda:{one} {torch.cuda.get_device_name(one)} {size:.0f} GB"
        for one, size in enumerate(sizes)
    ]


def _memory() -> Finding:
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (AttributeError, ValueError, OSError):  # Windows and macOS do not say
        return Finding("memory", "unknown")
    advice = "Close other programs, or train with train.batch_size=4."
    return Finding("memory", f"{free:.1f} of {total:.1f} GB free", total >= MEMORY_GB, advice)


def _disk(folder: Path) -> Finding:
    there = next(one for one in (folder.resolve(), *folder.resolve().parents) if one.exists())
    free = shutil.disk_usage(there).free / 1e9
    return Finding("disk", f"{free:.1f} GB free", free >= DISK_GB, "Make room for checkpoints.")


def _writing(folder: Path) -> Finding:
    """Whether files can be written, flushed and renamed here."""
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".medsegdiff-") as temporary:
            file = Path(temporary) / "test"
            atomic_write(file, b"whole")
            is_whole = file.read_bytes() == b"whole"
    except OSError as error:
        return Finding("writing", str(error), False, f"Choose another folder than {folder}.")
    return Finding("writing", "works" if is_whole else "loses data", is_whole, "Check the disk.")


def _models() -> Iterator[Finding]:
    names = bundled_models()
    if not names:
        yield Finding(
            "bundled models", "none", False, "Install medsegdiff again, with its weights."
        )
    for name in names:
        try:
            model = TrainedModel.load(name, "cpu")
            yield Finding(f"model {name}", f"readable, weights {model.weights_hash}")
        except MedSegDiffError as error:
            yield Finding(f"model {name}", str(error), False, "Install medsegdiff again.")
