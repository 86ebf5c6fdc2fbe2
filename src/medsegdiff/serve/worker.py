"""A worker process: one model stays loaded, jobs come in as JSON lines and leave as JSON lines.

    in    {"root", "models", ...}           once, then {"job": {...}} and {"cancel": "id"}
    out   {"event": "ready", "refused" or "broken"}   once, then progress ... and done, failed
          or cancelled; "ready" tells by what masks can be fused

It ends when the server does, and is killed where it takes too long. Strangers' files are decoded
here, with a limit on memory; whatever happens, the server goes on.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn, TextIO

from medsegdiff.errors import MedSegDiffError
from medsegdiff.serve.traces import frames

NICENESS = 15  # jobs compute with what is left, so that the page answers while they do: 0025
LINGER_SECONDS = 10.0  # in which the files of a server that is gone are deleted
Send = Callable[[dict[str, Any]], None]
NO_MEMORY = (
    "The image needs more memory than one job may use. Draw fewer members, make the image smaller, "
    "or start the server with a larger --memory-gb."
)


class Inbox:
    """What the server says, read by a thread of its own.

    Args:
        lines: the standard input.
    """

    def __init__(self, lines: TextIO) -> None:
        self.order: dict[str, Any] = json.loads(lines.readline())
        self.jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.cancelled: set[str] = set()
        self._lines = lines
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._lines:
            message = json.loads(line)
            if "job" in message:
                self.jobs.put(message["job"])
            else:
                self.cancelled.add(message["cancel"])
        end(self.order["root"])


def main() -> None:
    """Work until the server ends."""
    answers = private_output()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the server decides

    inbox = Inbox(sys.stdin)

    def send(message: dict[str, Any]) -> None:
        try:
            answers.write(json.dumps(message) + "\n")
            answers.flush()
        except BrokenPipeError:
            end(inbox.order["root"])

    try:
        from medsegdiff.serve.work import Work  # torch comes with it

        work = Work(inbox.order)
        fusions = work.prepare()
    except MedSegDiffError as error:
        send({"event": "refused", "message": str(error)})
        return
    except Exception as error:
        send({"event": "broken", "trace": frames(error)})
        return
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    send({"event": "ready", "fusions": fusions})
    while True:
        job = inbox.jobs.get()
        answer = done(work, job, inbox, send)
        gc.collect()  # an error and the frames that it names hold each other, with their images
        send(answer)


def end(root: str) -> NoReturn:
    """The server is gone: delete what it kept, though a job may still be writing there, and end."""
    ends = time.monotonic() + LINGER_SECONDS
    while os.path.exists(root) and time.monotonic() < ends:
        shutil.rmtree(root, ignore_errors=True)
    os._exit(0)


def done(work: Any, job: dict[str, Any], inbox: Inbox, send: Send) -> dict[str, Any]:
    """Do one job and say what became of it."""

    def progress(**values: Any) -> None:
        if job["id"] in inbox.cancelled:
            raise Cancelled
        send({"event": "progress", **values})

    try:
        work.do(job, progress)
    except Cancelled:
        return {"event": "cancelled"}
    except Exception as error:
        if is_want_of_memory(error):
            return {"event": "failed", "message": NO_MEMORY}
        if isinstance(error, MedSegDiffError):
            return {"event": "failed", "message": work.told(error, job)}
        return {"event": "failed", "message": None, "trace": frames(error)}
    return {"event": "done"}


def is_want_of_memory(error: BaseException | None) -> bool:
    """Whether an allocation failed, here or in what led to this; torch says so in words alone."""
    if error is None:
        return False
    told = str(error)
    is_one = isinstance(error, MemoryError) or "allocate memory" in told or "bad_alloc" in told
    return is_one or is_want_of_memory(error.__context__)


class Cancelled(Exception):
    """The user does not want the job any more."""


def private_output() -> TextIO:
    """The standard output for messages alone: whatever else prints goes to the standard error."""
    own = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(own, "w", encoding="utf-8")


if __name__ == "__main__":
    main()
