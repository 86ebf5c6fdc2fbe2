"""One process at a time where a second one would sweep away what the first writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from medsegdiff.errors import CheckpointError

LOCK_FILE = ".lock"
PATIENCE_SECONDS = 1.0  # who only looks holds the lock for less


@contextmanager
def held(fold: Path) -> Iterator[None]:
    """Hold a fold's folder for as long as the training runs; freed also when the process dies.

    On file systems that know no locks nothing is held.

    Args:
        fold: RUN/fold_k; made if it is not there.

    Raises:
        CheckpointError: another process trains in it.
    """
    fold.mkdir(parents=True, exist_ok=True)
    lock = FileLock(fold / LOCK_FILE)
    try:
        lock.acquire(timeout=PATIENCE_SECONDS)
    except Timeout:
        raise CheckpointError(
            f"Another training is writing {fold}. Wait until it has ended or stop it, or choose "
            "another run folder with -o."
        ) from None
    except (NotImplementedError, OSError):
        yield
        return
    try:
        yield
    finally:
        lock.release()
        if list(fold.iterdir()) == [fold / LOCK_FILE]:  # nothing was begun
            (fold / LOCK_FILE).unlink()
            fold.rmdir()


@contextmanager
def alone(lock_file: Path) -> Iterator[None]:
    """Wait until no other process holds a lock, and hold it; freed also when the process dies.

    On file systems that know no locks nothing is held.

    Args:
        lock_file: its folder is made if it is not there.
    """
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_file)
    with suppress(NotImplementedError, OSError):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def is_held(fold: Path) -> bool | None:
    """Whether a training runs in a fold's folder; None where that cannot be known.

    It cannot on file systems without locks, in another user's folder, and in one without the lock.

    Args:
        fold: RUN/fold_k, which may not be there.
    """
    if not (fold / LOCK_FILE).is_file():
        return None
    lock = FileLock(fold / LOCK_FILE)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    except (NotImplementedError, OSError):
        return None
    lock.release()
    return False
