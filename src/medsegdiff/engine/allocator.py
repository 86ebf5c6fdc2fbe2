"""What the C library does with memory that is freed."""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # names of `man 3 mallopt`
LARGEST_THRESHOLD = 32 * 2**20  # bytes that glibc takes for M_MMAP_THRESHOLD
NEVER = 2**31 - 1  # bytes: the largest number that mallopt takes


def keep_freed_memory() -> bool:
    """Let the process keep what is freed: a training asks for the same again in its next step.

    glibc returns the free end of its heap to the system, which clears every page before it hands it
    out again; that took a seventh of a training step. The process then stays as large as it was at
    its largest. Done for the whole process; nothing where the C library is another.

    Returns:
        Whether it is done.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    taken = (
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_THRESHOLD),
        library.mallopt(M_TRIM_THRESHOLD, NEVER),
    )
    return all(taken)
