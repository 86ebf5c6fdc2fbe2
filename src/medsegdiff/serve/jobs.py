"""Jobs and who may see them: each belongs to a session, has a folder, and is deleted in time."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from medsegdiff.serve.refusals import Refused, not_found
from medsegdiff.serve.uploads import Store

State = Literal["waiting", "running", "done", "failed", "cancelled"]
ENDED = ("done", "failed", "cancelled")
MOST_ENDED = 500  # jobs that are kept; the oldest go first
RESULT_FILE = "result.json"
WAIT, ANEW = "Ask again once its state is done.", "Send the image again."
WAY_ON = {"waiting": WAIT, "running": WAIT, "failed": ANEW, "cancelled": ANEW}


@dataclass
class Job:
    """One study that somebody wants segmented.

    Args:
        id: 128 random bits, hex.
        session: that it belongs to.
        name: what the user calls it; never logged.
        folder: `upload/` holds the files as they came, `out/` what `medsegdiff predict` writes,
            `layers/` what the page draws, `result.json` all of it listed.
        settings: model, members, steps, seed, ensemble.
        order: what the worker is told beside these.
        stored_bytes: of its files, taken from the store: those of the upload, in the end all.
        state, stage, fraction, eta_seconds, error: as in the API.
        ended: by the monotonic clock; None before.
        version: rises with every change.
        kept: when its correction was kept, as the record says; empty before.
    """

    id: str
    session: str
    name: str
    folder: Path
    settings: dict[str, Any]
    order: dict[str, Any] = field(default_factory=dict)
    stored_bytes: int = 0
    state: State = "waiting"
    stage: str | None = None
    fraction: float = 0.0
    eta_seconds: float | None = None
    error: dict[str, str] | None = None
    ended: float | None = None
    version: int = 0
    kept: str = ""
    _result: dict[str, Any] | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED

    def change(self, **values: Any) -> None:
        """Set some fields and tell all who listen."""
        if self.has_ended:
            return
        for name, value in values.items():
            setattr(self, name, value)
        if self.has_ended:
            self.ended, self.eta_seconds = time.monotonic(), None
        self.tell()

    def tell(self) -> None:
        """Wake all who listen."""
        self.version += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def changed_since(self, version: int, seconds: float) -> bool:
        """Wait for a later version, at most so long; says whether there is one."""
        if self.version > version:
            return True
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except asyncio.TimeoutError:
            return False
        return True

    def result(self) -> dict[str, Any]:
        """The content of `result.json`; read once.

        Raises:
            Refused: 404, there is no result (yet).
        """
        if self.state != "done":
            raise Refused(404, f"This job is {self.state}, and has no result. {WAY_ON[self.state]}")
        if self._result is None:
            self._result = json.loads((self.folder / RESULT_FILE).read_text(encoding="utf-8"))
        return dict(self._result or {})


class Jobs:
    """The book of all jobs.

    Args:
        root: private folder; each job gets one of its own in it.
        store: whose bytes the uploads use.
        keep_seconds: after which an ended job is deleted.
    """

    def __init__(self, root: Path, store: Store, keep_seconds: float) -> None:
        self.root, self.store, self.keep_seconds = root, store, keep_seconds
        self._jobs: dict[str, Job] = {}

    def new_folder(self) -> tuple[str, Path]:
        """A new job's id and folder, with `upload/` in it."""
        job_id = secrets.token_hex(16)
        folder = self.root / job_id
        (folder / "upload").mkdir(parents=True, mode=0o700)
        return job_id, folder

    def add(self, job: Job) -> None:
        """Write a job into the book."""
        self._jobs[job.id] = job

    def all(self) -> list[Job]:
        """Every job, the oldest first."""
        return list(self._jobs.values())

    def of(self, session: str | None) -> list[Job]:
        """The jobs of a session, the oldest first."""
        return [job for job in self._jobs.values() if job.session == session]

    def find(self, session: str | None, job_id: str) -> Job:
        """A session's own job.

        Raises:
            Refused: 404, there is none with this id, or it is another session's.
        """
        job = self._jobs.get(job_id)
        if job is None or session is None or not secrets.compare_digest(job.session, session):
            raise not_found()
        return job

    async def weigh(self, job: Job) -> None:
        """Count all files of a job that is done: with what was unpacked and drawn."""
        count = await asyncio.to_thread(folder_bytes, job.folder)
        if job.id in self._jobs:  # else it was deleted meanwhile
            self.store.add(count - job.stored_bytes)
            job.stored_bytes = count

    async def drop_files(self, job: Job) -> None:
        """Delete the files of a job that has ended without a result."""
        self.store.give_back(job.stored_bytes)
        job.stored_bytes = 0
        await delete_folder(job.folder)

    async def delete(self, job: Job) -> None:
        """Forget a job that has ended, and delete its files."""
        if self._jobs.pop(job.id, None) is not None:
            job.tell()
            await self.drop_files(job)

    async def sweep(self) -> None:
        """Delete what has been kept long enough."""
        ended = sorted((job for job in self.all() if job.ended is not None), key=_end)
        oldest_kept = time.monotonic() - self.keep_seconds
        surplus = len(ended) - MOST_ENDED
        for number, job in enumerate(ended):
            if number < surplus or _end(job) < oldest_kept:
                await self.delete(job)


async def events(job: Job, heartbeat: float) -> AsyncIterator[Job | None]:
    """The job at first, then after each change until it has ended; None where nothing happens.

    A slow listener misses changes, but what it is given is always the newest.
    """
    seen = -1
    while not job.has_ended:
        is_new = await job.changed_since(seen, heartbeat)
        seen = job.version
        yield job if is_new else None


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in a folder; a file that has two names there counts once."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it is being deleted
                file = os.stat(os.path.join(place, name), follow_symlinks=False)
                found[file.st_ino or os.path.join(place, name)] = file.st_size
    return sum(found.values())


async def delete_folder(folder: Path) -> None:
    """Delete a folder with all its files; what cannot be deleted is left for the end."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _end(job: Job) -> float:
    return job.ended or 0.0
