"""Workers and the line before them: so many jobs run, so many wait, further ones are refused."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medsegdiff.serve import known_parts
from medsegdiff.serve.description import description
from medsegdiff.serve.jobs import Job, Jobs
from medsegdiff.serve.model_places import model_places
from medsegdiff.serve.refusals import Refused, new_error_id
from medsegdiff.serve.settings import ServeSettings
from medsegdiff.serve.slot import Slot

LOG = logging.getLogger("medsegdiff.serve")
SWEEP_SECONDS = 5.0
STOPPING = "The server is being stopped. Send the image again when it is back."


class Pool:
    """Runs jobs in worker processes, in the order in which they came.

    Args:
        settings: how many run and wait, and their limits.
        jobs: the book.
        root: private folder.
        worker_module: what a worker process runs; it speaks as `worker.py` does.
    """

    def __init__(
        self,
        settings: ServeSettings,
        jobs: Jobs,
        root: Path,
        worker_module: str = "medsegdiff.serve.worker",
    ) -> None:
        self.settings, self.jobs, self.root = settings, jobs, root
        self.worker_module = worker_module
        self.model_places = model_places(settings.models)
        self.is_draining = False
        self.fault: str | None = None  # why no worker can be started at all
        self._waiting: deque[Job] = deque()
        self._arrived = asyncio.Event()
        self._models = self._described() if known_parts.are_all_known() else None
        self._prepared = asyncio.Event()  # the first worker is, or has failed
        self._slots = [Slot(self) for _ in range(settings.jobs)]
        self._tasks: list[asyncio.Task[None]] = []
        self._seconds = 0.0  # of the last job, for guesses

    @property
    def first_slot(self) -> Slot:
        """The slot whose worker is the first to read the weights."""
        return self._slots[0]

    @property
    def order(self) -> dict[str, Any]:
        """What every worker is told when it starts."""
        settings = self.settings
        return {
            "root": str(self.root),
            "models": self.model_places,
            "device": settings.device,
            "memory_gb": settings.memory_gb,
            "jobs": settings.jobs,
            "unpacked_bytes": settings.unpacked_bytes,
            "upload_files": settings.upload_files,
        }

    @property
    def running(self) -> int:
        """How many jobs run."""
        return sum(slot.job is not None for slot in self._slots)

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    @property
    def worker_pids(self) -> list[int]:
        """Numbers of the worker processes that have been started."""
        return [slot.worker.pid for slot in self._slots if slot.worker is not None]

    def start(self) -> None:
        """Start the workers; once the first has read the weights come the others."""
        self._tasks = [asyncio.create_task(slot.run()) for slot in self._slots]
        self._tasks.append(asyncio.create_task(self._swept()))

    async def stop(self) -> None:
        """End everything: jobs that have not ended fail, workers are killed."""
        self.is_draining = True
        self._cut_off()
        await cancelled(self._tasks)
        await asyncio.gather(*(slot.kill() for slot in self._slots))

    async def models(self) -> list[dict[str, Any]]:
        """What the models are; waits for a worker where a plug-in may bring parts.

        Raises:
            Refused: 503, no worker can be started.
        """
        if self._models is None:
            await self.ready()
        return self._models or []

    async def ready(self) -> None:
        """Wait until a worker has loaded the models and drawn the samples.

        Raises:
            Refused: 503, no worker can be started.
        """
        await self._prepared.wait()
        if self.fault is not None:
            raise Refused(503, "The server cannot start. Its log says why.")

    def greet(self, fusions: dict[str, bool]) -> None:
        """A worker is ready, and knows by what masks can be fused."""
        self._models = self._models or self._described(fusions)
        self._prepared.set()

    def _described(self, fusions: Mapping[str, bool] = known_parts.FUSIONS) -> list[dict[str, Any]]:
        return [description(name, place, fusions) for name, place in self.model_places.items()]

    def give_up(self, fault: str) -> None:
        """No worker can be started: say why."""
        self.fault = fault
        self._prepared.set()

    def check_room(self) -> None:
        """See whether one more job is taken.

        Raises:
            Refused: 429, the line is full; 503, the server is being stopped.
        """
        if self.is_draining:
            raise Refused(503, STOPPING, {"Retry-After": "30"})
        free = len(self._slots) - self.running
        if len(self._waiting) >= self.settings.waiting + free:
            seconds = max(1, round(self._seconds))
            raise Refused(
                429,
                f"{self.running} jobs run and {self.waiting} wait, which is all that this server "
                "takes. Try again in a while.",
                {"Retry-After": str(seconds)},
            )

    def submit(self, job: Job) -> None:
        """Put a job at the end of the line.

        Raises:
            Refused: as `check_room`.
        """
        self.check_room()
        self.jobs.add(job)
        self._waiting.append(job)
        self._arrived.set()

    def position(self, job: Job) -> int | None:
        """How many jobs are before a waiting one; None for others."""
        return self._waiting.index(job) if job.state == "waiting" and job in self._waiting else None

    async def next_job(self) -> Job:
        """Take the first of the line; waits for one."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        job = self._waiting.popleft()
        for other in self._waiting:
            other.tell()
        return job

    async def cancel(self, job: Job) -> None:
        """Stop a job wherever it is; nothing happens to one that has ended."""
        job.change(state="cancelled")
        if job in self._waiting:
            self._waiting.remove(job)
            for other in self._waiting:
                other.tell()
            await self.jobs.drop_files(job)
        for slot in self._slots:
            if slot.job is job:
                slot.cancel()

    async def drain(self) -> None:
        """Take no more jobs, fail those that wait, and let the running ones end within the grace.

        Returns when nothing runs any more, or the grace is over: what runs then is cut off.
        """
        self.is_draining = True
        while self._waiting:
            job = self._waiting.popleft()
            job.change(state="failed", error={"id": new_error_id(), "message": STOPPING})
        ends = time.monotonic() + self.settings.grace_seconds
        while self.running and time.monotonic() < ends:
            await asyncio.sleep(0.1)
        self._cut_off()

    def _cut_off(self) -> None:
        """Fail all jobs that have not ended, and so end the events of those who follow them."""
        for job in self.jobs.all():
            if not job.has_ended:
                LOG.info("job %s cut off: the server is stopped", job.id[:8])
                job.change(state="failed", error={"id": new_error_id(), "message": STOPPING})

    def took(self, seconds: float) -> None:
        """A job has run so long."""
        self._seconds = seconds

    async def _swept(self) -> None:
        while True:
            await asyncio.sleep(min(SWEEP_SECONDS, self.settings.keep_minutes * 60))
            await self.jobs.sweep()


async def cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for their end.

    More than once if need be: `wait_for` loses a cancellation that comes with its result (Python
    before 3.12).
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1)
    await asyncio.gather(*tasks, return_exceptions=True)
