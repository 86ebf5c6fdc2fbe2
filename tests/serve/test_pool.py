"""Jobs run, wait, are refused, cancelled and killed, and the others never notice.

The workers are stand-ins that compute nothing: a job takes as many seconds as it says.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from medsegdiff.serve.jobs import Job, Jobs
from medsegdiff.serve.pool import Pool
from medsegdiff.serve.refusals import Refused
from medsegdiff.serve.settings import ServeSettings
from medsegdiff.serve.uploads import Store

PLUGINS = Path(__file__).parents[1] / "plugins"
LONG = 1000.0
Test = Callable[[Pool], Awaitable[Any]]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a test with a pool of stand-in workers."""
    monkeypatch.setenv("PYTHONPATH", str(PLUGINS))

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[Pool]:
        given = ServeSettings(**{"device": "cpu", "jobs": 1, "waiting": 1, **settings})
        jobs = Jobs(tmp_path, Store(10**6), given.keep_minutes * 60)
        pool = Pool(given, jobs, tmp_path, "stand_in_worker")
        pool.start()
        try:
            yield pool
        finally:
            await pool.stop()

    async def run(test: Test, settings: dict[str, Any]) -> None:
        async with opened(**settings) as pool:
            await asyncio.wait_for(test(pool), 100)

    return lambda test, **settings: asyncio.run(run(test, settings))


def submitted(pool: Pool, seconds: float = 0.0, manner: str = "usual") -> Job:
    """A job with an upload of 100 bytes that takes so long."""
    job_id, folder = pool.jobs.new_folder()
    (folder / "upload" / "Miller_Anna.png").write_bytes(bytes(100))
    pool.jobs.store.take(100)
    settings = {"seconds": seconds, "ensemble": manner}
    job = Job(job_id, "me", "Miller_Anna.png", folder, settings, stored_bytes=100)
    job.order = {"id": job_id, "folder": str(folder), "settings": settings}
    try:
        pool.submit(job)
    except Refused:
        pool.jobs.store.give_back(100)
        raise
    return job


async def until(job: Job, *states: str) -> Job:
    while job.state not in states:
        assert not job.has_ended, job
        await asyncio.sleep(0.01)
    return job


async def ended(job: Job) -> Job:
    return await until(job, "done", "failed", "cancelled")


async def freed(pool: Pool) -> None:
    while pool.running:
        await asyncio.sleep(0.01)


def test_jobs_are_done_in_the_order_in_which_they_came(play):
    async def test(pool: Pool) -> None:
        first = await until(submitted(pool, 0.3), "running")
        second = submitted(pool)
        assert (pool.position(first), pool.position(second)) == (None, 0)
        await ended(second)
        assert (first.state, second.state) == ("done", "done")

    play(test)


def test_a_full_line_is_told(play):
    async def test(pool: Pool) -> None:
        await until(submitted(pool, LONG), "running")
        submitted(pool)
        with pytest.raises(Refused) as refused:
            submitted(pool)
        assert refused.value.status == 429
        assert int(refused.value.headers["Retry-After"]) >= 1

    play(test)


def test_two_jobs_run_at_once(play):
    async def test(pool: Pool) -> None:
        jobs = [submitted(pool, LONG), submitted(pool, LONG)]
        await asyncio.gather(*(until(job, "running") for job in jobs))
        assert pool.running == 2
        assert len(set(pool.worker_pids)) == 2

    play(test, jobs=2)


def test_a_waiting_job_is_cancelled_at_once(play):
    async def test(pool: Pool) -> None:
        await until(submitted(pool, LONG), "running")
        waiting = submitted(pool)
        await pool.cancel(waiting)
        assert (waiting.state, pool.waiting, waiting.folder.exists()) == ("cancelled", 0, False)

    play(test)


@pytest.mark.parametrize(("manner", "is_kept"), [("usual", True), ("deaf", False)])
def test_a_running_job_is_cancelled_and_a_deaf_worker_killed(play, manner, is_kept):
    async def test(pool: Pool) -> None:
        job = await until(submitted(pool, LONG, manner), "running")
        before = pool.worker_pids
        await pool.cancel(job)
        await freed(pool)
        assert job.state == "cancelled"
        assert (await ended(submitted(pool))).state == "done"
        assert (pool.worker_pids == before) == is_kept
        assert not job.folder.exists()

    play(test)


def test_a_killed_worker_fails_its_job_and_a_new_one_takes_its_place(play, caplog):
    async def test(pool: Pool) -> None:
        job = await until(submitted(pool, LONG), "running")
        waiting = submitted(pool)
        os.kill(pool.worker_pids[0], signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        await ended(waiting)
        assert (job.state, waiting.state) == ("failed", "done")
        assert "died" in (job.error or {})["message"]
        assert "a worker has died: signal 9" in caplog.text or os.name == "nt"
        assert "Miller" not in caplog.text

    play(test)


def test_a_worker_killed_between_jobs_is_replaced(play):
    async def test(pool: Pool) -> None:
        await ended(submitted(pool))
        os.kill(pool.worker_pids[0], signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        await asyncio.sleep(0.5)
        assert (await ended(submitted(pool))).state == "done"

    play(test)


@pytest.mark.parametrize(
    ("manner", "limits", "words"),
    [
        ("usual", {"seconds": 0.5}, "longer than"),
        ("silent", {"reading_seconds": 0.5}, "could not be read within"),
        ("endless", {"seconds": 5}, "would take about 17 minutes"),
    ],
)
def test_time_is_limited(play, manner, limits, words):
    async def test(pool: Pool) -> None:
        job = await ended(submitted(pool, LONG, manner))
        assert words in (job.error or {})["message"]
        assert (await ended(submitted(pool, 0.0))).state == "done"

    play(test, **limits)


def test_draining_lets_the_running_job_end_and_tells_the_others(play):
    async def test(pool: Pool) -> None:
        running = await until(submitted(pool, 0.5), "running")
        waiting = submitted(pool)
        draining = asyncio.create_task(pool.drain())
        await asyncio.sleep(0.05)
        with pytest.raises(Refused) as refused:
            submitted(pool)
        await draining
        assert refused.value.status == 503
        assert (running.state, waiting.state) == ("done", "failed")
        assert "stopped" in (waiting.error or {})["message"]

    play(test)


def test_the_grace_has_an_end(play):
    async def test(pool: Pool) -> None:
        job = await until(submitted(pool, LONG), "running")
        started = time.monotonic()
        await pool.drain()
        assert 0.3 <= time.monotonic() - started < 5
        await pool.stop()
        assert job.state == "failed"

    play(test, grace_seconds=0.3)


def test_what_has_ended_is_deleted_in_time(play):
    async def test(pool: Pool) -> None:
        done, failed = await ended(submitted(pool)), await until(submitted(pool, LONG), "running")
        await pool.cancel(failed)
        await freed(pool)
        assert done.folder.exists()
        while done in pool.jobs.all():
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
        assert not done.folder.exists()
        assert pool.jobs.store.used == 0

    play(test, keep_minutes=0.01)


def test_what_a_job_has_written_counts_as_well(play):
    async def test(pool: Pool) -> None:
        job = submitted(pool)
        (job.folder / "mask.png").write_bytes(bytes(900))
        os.link(job.folder / "mask.png", job.folder / "the same")
        await ended(job)
        while pool.jobs.store.used != 1000:
            await asyncio.sleep(0.01)
        await pool.jobs.delete(job)
        assert pool.jobs.store.used == 0

    play(test)


def test_damaged_weights_are_told_and_nothing_runs(play):
    async def test(pool: Pool) -> None:
        with pytest.raises(Refused) as refused:
            await pool.ready()
        assert (refused.value.status, pool.fault) == (503, "The weights are damaged.")

    play(test, device="broken")


@pytest.mark.slow
def test_the_log_says_where_a_worker_fails_that_cannot_start(play, caplog):
    async def test(pool: Pool) -> None:
        with pytest.raises(Refused):
            await pool.ready()
        assert "a worker has died: exit code 0 KeyError | work.py:1 described" in caplog.text

    play(test, device="bug")
