"""Set a hundred clients upon a server: healthy, slow and hostile ones, while two jobs always run.

    python benchmarks/serve_load.py [--seconds 300] [--out FOLDER]

All on this machine, over loopback. First the healthy clients are alone, for a fifth of the time;
then 50 slow ones (uploads, headers and readers that drip) and 20 hostile ones (zip and picture
bombs, wrong types, bodies of 2 GB, path tricks, lies about lengths, oversize headers) join them, in
a process of lower priority. Of the 30 healthy ones four upload images one after the other, and
26 look at the page as people do. Writes serve_load.json into the folder. Exit code 1 if the server
has died or erred, took too much memory, made a healthy client wait, lost a job, or drew another
mask than it draws alone. A server that does nothing is asked as well: by as much as its answers
become slower, the machine is too small for its load.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from load import healthy
from load.healthy import Findings, quantiles_ms
from load.server import Server, all_cpu_seconds, children, cpu_seconds, serving
from load.table import markdown
from result_file import made_with

from medsegdiff.files import write_json

SLOW, HOSTILE, LOOKING, SENDING = 50, 20, 26, 4
IDLE_SHARE = 0.2  # of the seconds, for the healthy ones alone
JOBS = 2
SERVER_MB, WORKER_MB = 300.0, 2000.0  # the most memory
SLOWER = 2.0  # 95th percentile under load, at most as a multiple of that without
ENDED = re.compile(r"job [0-9a-f]{8} (done|failed|cancelled) after")
SETTLE_SECONDS = 120.0


class Cores:
    """How many of the machine's cores are used, and by whom, from now on.

    Args:
        server: its process id.
    """

    def __init__(self, server: int) -> None:
        self.processes = {"server": server, "healthy": os.getpid()}
        self.started, self.before = time.monotonic(), self._seconds()

    def used(self) -> dict[str, float]:
        """The mean since the start."""
        seconds, now = time.monotonic() - self.started, self._seconds()
        return {name: round((now[name] - self.before[name]) / seconds, 2) for name in now}

    def _seconds(self) -> dict[str, float]:
        workers = children(self.processes["server"])
        found = {name: cpu_seconds(pid) for name, pid in self.processes.items()}
        found["workers"] = sum(map(cpu_seconds, workers))
        return {**found, "whole_machine": all_cpu_seconds()}


async def for_a_while(seconds: float, *clients: Any) -> None:
    """Let clients go on for so long; what ends one of them early ends all."""
    tasks = [asyncio.ensure_future(client) for client in clients]
    done, pending = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()


def looking(address: str, control: str, found: Findings) -> list[Any]:
    people = [healthy.look(address, number, found) for number in range(LOOKING)]
    return [*people, healthy.control(control, found)]


async def burden(address: str, seconds: float) -> asyncio.subprocess.Process:
    """Start the slow and hostile clients in a process of their own; ready when this returns."""
    words = ("-m", "load.burden", address, str(seconds), str(SLOW), str(HOSTILE))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    await process.stdout.readline()
    return process


async def loaded(server: Server, control: str, seconds: float) -> dict[str, Any]:
    """Measure the server idle, then under load."""
    address, idle, busy = server.address, Findings(), Findings()
    known = await healthy.alone(address)
    await for_a_while(IDLE_SHARE * seconds, *looking(address, control, idle))
    senders = [healthy.send(address, number, known, busy) for number in range(SENDING)]
    counting = healthy.count_running(address, busy)
    process = await burden(address, seconds)
    cores = Cores(server.process.pid)
    try:
        await for_a_while(
            seconds + SETTLE_SECONDS,
            process.wait(),
            counting,
            *senders,
            *looking(address, control, busy),
        )
        used = cores.used()
        told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    is_settled = await settled(address)
    answers = json.loads(told)
    used["slow_and_hostile"] = round(answers.pop("cpu ms") / 1000 / seconds, 2)
    figures = summary(server, seconds, idle, busy, answers, used)
    return {**figures, "faults": faults(figures, is_settled)}


async def settled(address: str) -> bool:
    """Whether all jobs end in good time once nobody sends any more."""
    async with healthy.client_of(address) as client:
        for _ in range(int(SETTLE_SECONDS)):
            health = (await client.get("/api/health")).json()
            if health["running"] == health["waiting"] == 0:
                return True
            await asyncio.sleep(1)
    return False


def summary(
    server: Server,
    seconds: float,
    idle: Findings,
    busy: Findings,
    told: dict[str, int],
    cores: dict[str, float],
) -> dict[str, Any]:
    """All figures."""
    log = server.log.read_text()
    taken = busy.jobs["accepted"] + len(healthy.UPLOADED) * len(healthy.SEEDS)
    taken += sum(count for name, count in told.items() if name.endswith(": 202"))
    return {
        **made_with(f"python benchmarks/serve_load.py --seconds {seconds:g}"),
        "load_average": round(os.getloadavg()[0], 1),
        "clients": {"healthy": LOOKING + SENDING, "slow": SLOW, "hostile": HOSTILE},
        "is_alive": server.process.poll() is None,
        "errors_in_log": log.count(" error "),
        "workers_died": log.count("a worker has died"),
        "server_peak_mb": round(server.own_peak_mb),
        "worker_peak_mb": round(server.worker_peak_mb),
        "together_peak_mb": round(server.peak_together_mb),
        "requests": {"idle": len(idle.seconds), "loaded": len(busy.seconds)},
        "idle_ms": quantiles_ms(idle.seconds),
        "loaded_ms": quantiles_ms(busy.seconds),
        "control_idle_ms": quantiles_ms(idle.control),
        "control_loaded_ms": quantiles_ms(busy.control),
        "wrong_answers": dict(busy.wrong + idle.wrong),
        "share_with_two_jobs": round(busy.running.count(JOBS) / len(busy.running), 3),
        "jobs_of_healthy_clients": dict(busy.jobs),
        "jobs_taken": taken,
        "jobs_ended": len(ENDED.findall(log)),
        "masks_compared": busy.jobs["done"],
        "masks_differing": busy.differing,
        "cores_used": cores,
        "answers_to_slow_and_hostile": told,
    }


def faults(figures: dict[str, Any], is_settled: bool) -> list[str]:
    """What is not as it must be."""
    idle, busy = figures["idle_ms"]["p95"], figures["loaded_ms"]["p95"]
    unexpected = [name for name in figures["answers_to_slow_and_hostile"] if "unexp" in name]
    untold = {"never told", "failed without a reason"} & set(figures["jobs_of_healthy_clients"])
    wrong = {
        "the server has died": not figures["is_alive"],
        "there are errors in its log": figures["errors_in_log"],
        "workers have died": figures["workers_died"],
        "its memory": figures["server_peak_mb"] > SERVER_MB,
        "a worker's memory": figures["worker_peak_mb"] > WORKER_MB,
        f"p95 of {busy} ms, {idle} ms without load": busy > SLOWER * idle,
        f"healthy clients were refused: {figures['wrong_answers']}": figures["wrong_answers"],
        "jobs have not ended": not is_settled or figures["jobs_ended"] < figures["jobs_taken"],
        f"jobs were {untold}": untold,
        "masks differ from those made alone": figures["masks_differing"],
        "no mask was compared": not figures["masks_compared"],
        f"unexpected: {unexpected}": unexpected,
    }
    return [words for words, is_so in wrong.items() if is_so]


@contextmanager
def doing_nothing() -> Iterator[str]:
    """A server that does nothing but answer; gives its address."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-m", "load.control"]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    words = ("--jobs", str(JOBS), "--grace-seconds", "0")
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), *words) as server,
        doing_nothing() as control,
    ):
        figures = asyncio.run(loaded(server, control, options.seconds))
    print(markdown(figures))
    print(json.dumps(figures, indent=2))
    if options.out:
        write_json(options.out / "serve_load.json", figures)
    return int(bool(figures["faults"]))


if __name__ == "__main__":
    sys.exit(main())
