"""Carry out jobs side by side, each in processes of its own on a core of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from .jobs import Job
from .measure import commit
from .plan import BENCHMARKS, PEERS

try:
    import fcntl
except ImportError:  # Windows has none: there, two harnesses must not share a work folder
    fcntl = None

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
PAUSE = 0.2  # seconds between two looks at the processes
Tell = Callable[[str], object]


@dataclass(frozen=True)
class Place:
    """Where jobs find data and leave their runs.

    Args:
        data: the folder of the data sets.
        work: for checkpoints and logs, none of which is kept in the repository.
        device: as for `medsegdiff train --device`.
    """

    data: Path
    work: Path
    device: str = "cpu"

    def run_folder(self, job: Job) -> Path:
        """The RUN folder of a job."""
        return self.work / job.folder


@dataclass
class Running:
    """A job under way: one process after the other, all on the same core."""

    job: Job
    core: int | None
    commands: list[list[str]]
    lock: IO[Any]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start_next(self) -> None:
        """Start the next of its processes."""
        paths = [str(PEERS), str(BENCHMARKS), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            **ONE_THREAD,
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.commands.pop(0),
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,  # Ctrl-C reaches the harness alone, which passes it on
                pass_fds=[self.lock.fileno()] if fcntl else (),  # held while the process lives
            )
        if self.core is not None:
            os.sched_setaffinity(self.process.pid, {self.core})

    def outcome(self) -> str | None:
        """None while it goes on; then an empty text, or what went wrong."""
        assert self.process is not None
        code = self.process.poll()
        if code is None:
            return None
        if code != 0:
            lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
            last = next((line for line in reversed(lines) if line.strip()), "no output")
            return f"exit code {code}: {last}"
        if self.commands:
            self.start_next()
            return None
        return ""

    def stop(self) -> None:
        """Ask it to save and leave."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()


def run_jobs(
    jobs: Sequence[Job],
    place: Place,
    slots: int,
    max_hours: float | None,
    tell: Tell,
    is_again: bool = False,
) -> list[str]:
    """Carry out all jobs; what is interrupted goes on when it is called again.

    Args:
        jobs: in their order; what is finished should be left out already.
        place: folders and device.
        slots: jobs at a time.
        max_hours: no job is started after so long.
        tell: is given one line for each event.
        is_again: do also what is finished.

    Returns:
        One sentence for each job that failed.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM; the jobs under way have saved their state.
    """
    deadline = time.monotonic() + 3600 * max_hours if max_hours else float("inf")
    waiting, under_way, failed = list(jobs), {}, []
    places = cores(slots)
    with terminating():
        try:
            while waiting or under_way:
                failed += reaped(under_way, tell)
                for slot in set(range(slots)) - under_way.keys():
                    if time.monotonic() < deadline and (one := taken(waiting, place, is_again)):
                        one.core = places[slot]
                        one.start_next()
                        under_way[slot] = one
                        tell(f"started {one.job.result.stem} on {one.job.data}")
                if not under_way:
                    break  # the time is over, or all that is left is held by another harness
                time.sleep(PAUSE)
        finally:
            stopped(under_way.values())
    if waiting:
        tell(f"{len(waiting)} jobs are left for another time.")
    return failed


def reaped(under_way: dict[int, Running], tell: Tell) -> list[str]:
    """Take out jobs that have ended, and give a sentence for each that failed."""
    failed = []
    for slot, one in list(under_way.items()):
        outcome = one.outcome()
        if outcome is None:
            continue
        del under_way[slot]
        one.lock.close()
        name = f"{one.job.result.stem} on {one.job.data}"
        if outcome:
            failed.append(f"{name} failed, {outcome} (log: {one.log})")
        tell(failed[-1] if outcome else f"finished {name}")
    return failed


def taken(waiting: list[Job], place: Place, is_again: bool = False) -> Running | None:
    """Take the first job whose run nobody else works on; None if there is none."""
    for job in list(waiting):
        folder = place.run_folder(job)
        folder.mkdir(parents=True, exist_ok=True)
        lock = locked(folder / "lock")
        if lock is None:
            continue
        waiting.remove(job)
        if job.is_done() and not is_again:  # another harness was faster
            lock.close()
            continue
        return Running(job, None, commands(job, place), lock, folder / "log.txt")
    return None


def commands(job: Job, place: Place) -> list[list[str]]:
    """What the job runs: the training, unless it has ended, then the measuring."""
    run = place.run_folder(job)
    data = place.data / job.data
    order = run / f"{job.name}_{job.split}.job.json"
    values = {
        "arm": job.arm,
        "data": job.data,
        "seed": job.seed,
        "split": job.split,
        "asked": {name: list(words) for name, words in job.ways.items()},
        "settings": job.config.model_dump(mode="json"),
        "command": list(job.command),
        "run": str(run),
        "data_folder": str(data),
        "device": place.device,
        "result": str(job.result),
    }
    order.write_text(json.dumps(values), encoding="utf-8")
    train = [sys.executable, "-m", "medsegdiff", "train", str(data), "-o", str(run)]
    train += [*job.command, "--device", place.device]
    measure = [sys.executable, "-m", "ablation.measure", str(order)]
    if (run / "fold_0" / "final").is_dir():
        return [measure]
    if not (trained_at := run / "commit").is_file() and not (run / "fold_0").is_dir():
        trained_at.write_text(commit(), encoding="utf-8")
    return [train, measure]


def locked(path: Path) -> IO[Any] | None:
    """Hold a file for this process and those it starts; None if somebody else does."""
    file = path.open("a")
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
    return file


def cores(slots: int) -> list[int | None]:
    """A core for each slot, where the system lets us choose; more slots than cores share them."""
    if not hasattr(os, "sched_getaffinity"):
        return [None] * slots
    usable = sorted(os.sched_getaffinity(0))
    return [usable[slot % len(usable)] for slot in range(slots)]


def stopped(under_way: Collection[Running]) -> None:
    """Let every job save its state and end."""
    for one in under_way:
        one.stop()
    for one in under_way:
        if one.process is not None:
            one.process.wait()
        one.lock.close()


@contextmanager
def terminating() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C while inside, and Ctrl-C as itself where a shell ignores it."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signals = signal.SIGINT, signal.SIGTERM
    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
