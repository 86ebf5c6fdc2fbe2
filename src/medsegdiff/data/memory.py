"""How much memory one study may take: judged by the machine, before anything is decoded."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

PICTURE_BYTES = 2**30  # one image as float32; a 6000 x 4000 photograph takes 0.29 GB of it
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
SHARE = 0.25  # of the machine's memory for one volume; a network and its masks need the rest
UNKNOWN_MACHINE = 8 * 2**30  # bytes, where nobody says
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")  # Linux, control groups version 2


def default_budget(path: Path) -> int:
    """The most bytes that an image may take as float32 where the user sets no limit.

    A photograph has a fixed one. A volume may take a quarter of the machine's memory, and at least
    as much as a photograph.
    """
    if path.name.lower().endswith(PICTURE_ENDINGS):
        return PICTURE_BYTES
    return max(PICTURE_BYTES, int(SHARE * machine_bytes()))


@cache
def machine_bytes() -> int:
    """Memory of this machine in bytes, or that of the container it runs in."""
    try:
        installed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return UNKNOWN_MACHINE
    try:
        return min(installed, int(CONTAINER_LIMIT.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return installed
