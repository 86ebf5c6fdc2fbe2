"""Jobs belong to a session, and whoever listens to one hears of its end."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from medsegdiff.serve.jobs import Job, Jobs, events
from medsegdiff.serve.refusals import Refused
from medsegdiff.serve.serving import Serving
from medsegdiff.serve.sessions import Sessions
from medsegdiff.serve.settings import ServeSettings
from medsegdiff.serve.uploads import Store


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path, Store(1000), 60)


def added(jobs: Jobs, session: str = "me") -> Job:
    job_id, folder = jobs.new_folder()
    job = Job(job_id, session, "x.png", folder, {})
    jobs.add(job)
    return job


def test_ids_are_128_bits_and_differ(jobs):
    ids = {added(jobs).id for _ in range(50)}
    assert len(ids) == 50
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in ids)


@pytest.mark.parametrize("session", ["you", "", None])
def test_nobody_else_finds_a_job(jobs, session):
    job = added(jobs)
    assert jobs.find("me", job.id) is job
    for who, which in ((session, job.id), ("me", "0" * 32)):
        with pytest.raises(Refused) as refused:
            jobs.find(who, which)
        assert refused.value.status == 404
    assert jobs.of(session) == []


@pytest.mark.parametrize(
    ("state", "way_on"), [("waiting", "Ask again"), ("running", "Ask again"), ("failed", "Send")]
)
def test_who_asks_for_a_result_too_early_is_told(jobs, state, way_on):
    job = added(jobs)
    job.change(state=state)
    with pytest.raises(Refused, match=f"is {state}, and has no result. {way_on}") as refused:
        job.result()
    assert refused.value.status == 404


def test_a_job_that_has_ended_does_not_change(jobs):
    job = added(jobs)
    job.change(state="cancelled")
    job.change(state="done", fraction=1.0)
    assert (job.state, job.fraction) == ("cancelled", 0.0)


def test_a_slow_listener_misses_steps_but_not_the_newest(jobs):
    async def heard() -> list[float]:
        job, told = added(jobs), []
        asyncio.get_running_loop().call_later(0.05, lambda: job.change(state="done"))
        async for change in events(job, heartbeat=5):
            told.append(-1.0 if change is None else change.fraction)
            job.change(fraction=0.1)
            job.change(fraction=0.2)
            await asyncio.sleep(0.03)
        return told

    assert asyncio.run(heard())[:2] == [0.0, 0.2]


def test_silence_is_broken_by_heartbeats(jobs):
    async def heard() -> list[Job | None]:
        stream = events(added(jobs), heartbeat=0.01)
        return [await anext(stream) for _ in range(3)]

    assert asyncio.run(heard())[1:] == [None, None]


def test_files_are_private_and_deleted_at_the_end():
    async def lived() -> None:
        serving = Serving.prepared(ServeSettings(), Sessions(None))
        assert stat.S_IMODE(serving.root.stat().st_mode) == 0o700
        job = added(serving.jobs)
        await serving.stop()
        assert job.state == "failed"
        assert not serving.root.exists()

    asyncio.run(lived())
