"""One place where jobs run: it keeps a worker alive and carries out one job after the other."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from medsegdiff.serve.jobs import Job
from medsegdiff.serve.refusals import new_error_id, own_error
from medsegdiff.serve.worker_process import WorkerProcess

if TYPE_CHECKING:
    from medsegdiff.serve.pool import Pool

LOG = logging.getLogger("medsegdiff.serve")
STARTING_SECONDS = 300.0  # for importing torch and loading the models on a slow disk
CANCEL_SECONDS = 2.0  # in which a worker must answer, or it is killed
WATCHED_SECONDS, WATCHED_SHARE = 20.0, 0.1  # of a job, before what it still needs is believed
CLEARLY = 1.5  # times the time that a job may take: then it is told at once that it will not do
STARTS = 3  # that fail in a row before the server gives up
DIED = (
    "The process that computed this job has died, perhaps for want of memory. Try again, or draw "
    "fewer members."
)


class Slot:
    """A worker process and the job that it does.

    Args:
        pool: that it belongs to.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.worker: WorkerProcess | None = None
        self.job: Job | None = None
        self._ending: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Carry out jobs for ever."""
        if self is not self.pool.first_slot:
            await self.pool.ready()  # one process at a time reads the weights from the disk
        while self.pool.fault is None:
            await self._ready()
            job = await self.pool.next_job()
            worker = await self._ready()
            if worker is None:
                fail(job, DIED)
            elif not job.has_ended:
                await self._carry_out(job, worker)

    def cancel(self) -> None:
        """Ask the worker to stop its job; kill it if it does not answer."""
        self._ending = asyncio.create_task(self._cancelled())

    async def kill(self) -> None:
        """End the worker; it is forgotten only once it has ended, so that this can be repeated."""
        worker = self.worker
        if worker is None:
            return
        await worker.kill()
        if self.worker is worker:
            self.worker = None

    async def _ready(self) -> WorkerProcess | None:
        """The worker, started anew if it has died; None if none can be started."""
        for attempt in range(STARTS):
            if self.worker is not None and self.worker.is_alive:
                return self.worker
            await asyncio.sleep(attempt)
            worker = self.worker = await self._started()
            if await self._greeted(worker):
                return worker
            await self.kill()
            if self.pool.fault is not None:
                return None
        else:
            self.pool.give_up("A worker process cannot be started: it ends before it is ready.")
        return None

    async def _started(self) -> WorkerProcess:
        """A new process, which is killed if this slot is cancelled before it is known."""
        pool = self.pool
        starting = asyncio.ensure_future(
            WorkerProcess.started(pool.root, pool.order, pool.worker_module)
        )
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await (await starting).kill()
            raise

    async def _greeted(self, worker: WorkerProcess) -> bool:
        """Whether a new worker says that it is ready."""
        try:
            message = await asyncio.wait_for(worker.receive(), STARTING_SECONDS)
        except asyncio.TimeoutError:
            message = None
        if message is not None and message["event"] == "refused":
            self.pool.give_up(message["message"])
        if message is None or message["event"] != "ready":
            await self._mourn(worker, message)
            return False
        self.pool.greet(message["fusions"])
        return True

    async def _mourn(self, worker: WorkerProcess, last: dict[str, Any] | None = None) -> None:
        """Say in the log how a worker has died, and where in the program."""
        LOG.error("a worker has died: %s %s", await worker.death(), (last or {}).get("trace", ""))

    async def _carry_out(self, job: Job, worker: WorkerProcess) -> None:
        self.job, started = job, time.monotonic()
        job.change(state="running", stage="reading")
        try:
            await worker.send({"job": job.order})
            await self._followed(job, worker)
        finally:
            self.job = None
            self.pool.took(time.monotonic() - started)
        LOG.info("job %s %s after %.1f s", job.id[:8], job.state, time.monotonic() - started)
        if job.state == "done":
            await self.pool.jobs.weigh(job)
        else:
            await self.pool.jobs.drop_files(job)

    async def _followed(self, job: Job, worker: WorkerProcess) -> None:
        """Pass on what the worker says until the job has ended one way or another."""
        settings, now = self.pool.settings, time.monotonic()
        ends, reading_ends = now + settings.seconds, now + settings.reading_seconds
        while True:
            limit = min(ends, reading_ends) if job.stage == "reading" else ends
            try:
                message = await asyncio.wait_for(worker.receive(), limit - time.monotonic())
            except asyncio.TimeoutError:
                await self.kill()
                fail(job, _too_slow(job, settings.seconds, settings.reading_seconds))
                return
            if message is None:
                if not job.has_ended:  # one that is cancelled was killed by this server
                    await self._mourn(worker)
                await self.kill()
                fail(job, DIED)
                return
            if heard(job, message):
                return
            left = None if job.has_ended else job.eta_seconds
            if left is not None and is_hopeless(left, now, settings.seconds):
                fail(job, _too_long(left + time.monotonic() - now, settings.seconds))
                self.cancel()

    async def _cancelled(self) -> None:
        job, worker = self.job, self.worker
        if job is None or worker is None:
            return
        await worker.send({"cancel": job.id})
        await asyncio.sleep(CANCEL_SECONDS)
        if self.job is job:
            await worker.kill()


def heard(job: Job, message: dict[str, Any]) -> bool:
    """Take over what a worker says about its job; says whether that was the last."""
    event = message.pop("event")
    if event == "progress":
        job.change(**message)
        return False  # it may be cancelled, but the worker has not said so yet
    if event == "done":
        job.change(state="done", stage=None, fraction=1.0)
    elif event == "failed":
        fail(job, message["message"], message.get("trace"))
    elif event == "cancelled":
        job.change(state="cancelled")
    return job.has_ended


def fail(job: Job, message: str | None, trace: str | None = None) -> None:
    """A job has failed: for a reason that the user can act on, or for one in the program.

    Args:
        job: that has failed.
        message: the reason in one sentence; None for an error in the program.
        trace: where that arose, for the log.
    """
    error_id = new_error_id()
    if trace is not None:
        LOG.error("error %s in job %s: %s", error_id, job.id[:8], trace)
    job.change(state="failed", error={"id": error_id, "message": message or own_error(error_id)})


def is_hopeless(left: float, started: float, seconds: float) -> bool:
    """Whether a job that has run for a while will clearly not end in its time.

    Args:
        left: seconds that it still needs, as far as is known.
        started: by the monotonic clock.
        seconds: that it may take in all.
    """
    passed = time.monotonic() - started
    is_known = passed > min(WATCHED_SECONDS, WATCHED_SHARE * seconds)
    return is_known and passed + left > CLEARLY * seconds


def _too_long(needed: float, seconds: float) -> str:
    return (
        f"The job would take about {_spelt(needed)}, and may take {_spelt(seconds)}. Draw fewer "
        "members or steps, or use medsegdiff predict."
    )


def _spelt(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _too_slow(job: Job, seconds: float, reading_seconds: float) -> str:
    if job.stage == "reading":
        return (
            f"The image could not be read within {reading_seconds:.0f} s. Check that it opens in "
            "another program, or use medsegdiff predict."
        )
    return (
        f"The job took longer than {seconds:.0f} s. Draw fewer members or steps, or use "
        "medsegdiff predict."
    )
