"""Writing files so that a reader finds the old content or the new, never half of it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

_MODES = threading.Lock()  # the umask is the process's: while it is asked for, nothing is made


def atomic_write(path: Path, content: bytes | str | Callable[[BinaryIO], object]) -> None:
    """Write a file in one step: a temporary file beside it, flushed to disk, then renamed over it.

    Args:
        path: the file; its folder is made if it is not there.
        content: the bytes or text (UTF-8), or a function that writes to the open binary file.
    """
    _make_folder(path.parent)
    handle, temporary = tempfile.mkstemp(
        prefix=f".{path.name[:80]}.", suffix=".tmp", dir=path.parent
    )
    try:
        with os.fdopen(handle, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file with indentation, atomically; not-a-number is refused, unknown is null."""
    atomic_write(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Fill a folder under a temporary name and give it its own name last.

    Yields:
        The temporary folder to write into. A folder that already has the name is replaced.
    """
    _make_folder(path.parent)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name[:80]}.", suffix=".tmp", dir=path.parent))
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~_umask())
        sync_folder(temporary)
        before = temporary.with_suffix(".before.tmp")  # the name is gone for an instant
        if path.exists():
            os.replace(path, before)
        os.replace(temporary, path)
        shutil.rmtree(before, ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Flush a folder's entries to disk, where the system can do that (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(path: Path) -> None:
    with _MODES:
        path.mkdir(parents=True, exist_ok=True)


def _umask() -> int:
    with _MODES:
        current = os.umask(0)
        os.umask(current)
    return current
