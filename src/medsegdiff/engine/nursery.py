"""A process that does nothing but fork others, so that a crash of one of them is its own affair.

    this process --fork--> nursery --fork--> worker, worker ...
         |<---------------- a socket to each ------|

The nursery is forked while no thread of ours runs, and never does any work: what it forks, also
later and in place of a dead one, begins in a clean state, at once and without importing anything.
When this process ends, however it ends, the nursery ends its workers and itself.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from typing import NoReturn

BEAR, BURY, END = b"+", b"-", b"."  # what the nursery is asked: a new worker; how one ended; to end
NUMBER = 8  # bytes of a process's number or of a status

Work = Callable[[socket.socket], object]


def can_fork() -> bool:
    """Whether workers can be forked: elsewhere than on Linux, libraries do not bear it."""
    return sys.platform == "linux"


class Nursery:
    """Forks workers on demand.

    Args:
        work: what each worker does with its socket; it ends when that returns.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._is_closed = False
        self._begin()

    def worker(self) -> tuple[int, socket.socket]:
        """Fork a worker.

        Returns:
            The number of its process, and this side of its socket.

        Raises:
            OSError: it is closed, or no process can be started.
        """
        with self._lock:
            if self._is_closed:
                raise OSError("No process is started any more.")
            try:
                return self._born()
            except OSError:  # the nursery itself was killed
                self._end()
                self._begin()
                return self._born()

    def ended(self, pid: int) -> int | None:
        """How a worker that has closed its socket ended: its exit code, or minus the signal.

        None if nobody can say.
        """
        with self._lock, contextlib.suppress(OSError):
            self._control.sendall(BURY + pid.to_bytes(NUMBER, "big"))
            answer = self._control.recv(NUMBER)
            return int.from_bytes(answer, "big", signed=True) if answer else None
        return None

    def close(self) -> None:
        """End all workers, at once."""
        with self._lock:
            self._is_closed = True
            self._end()

    def _begin(self) -> None:
        self._control, theirs = socket.socketpair()
        self._pid = _forked()
        if self._pid == 0:
            _and_end(lambda: _tend(theirs, self._work, self._control))
        theirs.close()

    def _born(self) -> tuple[int, socket.socket]:
        self._control.sendall(BEAR + bytes(NUMBER))
        answer, sockets, _, _ = socket.recv_fds(self._control, NUMBER, 1)
        if not sockets:
            raise OSError("No process could be started.")
        return int.from_bytes(answer, "big"), socket.socket(fileno=sockets[0])

    def _end(self) -> None:
        with contextlib.suppress(OSError):  # closing alone is not seen where others were forked
            self._control.sendall(END + bytes(NUMBER))
        self._control.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _forked() -> int:
    """Fork; newer Pythons warn where other threads run, but none that matter hold a lock here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _and_end(work: Callable[[], object]) -> NoReturn:
    """Do the work of a forked process, and never return to what its parent was doing."""
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def _tend(control: socket.socket, work: Work, parents: socket.socket) -> None:
    """What the nursery does, until it is told to end or nobody is there to tell it anything."""
    parents.close()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent decides when they end
    gc.freeze()  # what came with the fork is shared as long as nobody touches it
    living: set[int] = set()
    while (message := control.recv(1 + NUMBER)) and message[:1] != END:
        pid = int.from_bytes(message[1:], "big")
        if message[:1] == BEAR:
            living.add(_bear(control, work))
        else:
            living.discard(pid)
            control.sendall(_exit_code(pid).to_bytes(NUMBER, "big", signed=True))
    for pid in living:
        os.kill(pid, signal.SIGKILL)  # they only read


def _exit_code(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _bear(control: socket.socket, work: Work) -> int:
    """Fork a worker and hand the other end of its socket to the parent."""
    ours, theirs = socket.socketpair()
    pid = _forked()
    if pid == 0:
        control.close()
        ours.close()
        _and_end(lambda: work(theirs))
    theirs.close()
    socket.send_fds(control, [pid.to_bytes(NUMBER, "big")], [ours.fileno()])
    ours.close()
    return pid
