"""People who use the page as it is meant: some look, some send images and wait for the masks."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from medsegdiff.engine.model_location import BUNDLED

THINK_SECONDS = (0.5, 1.5)  # between two requests of one person
CONTROLS = 5  # requests to the server that does nothing, for each of one person
LOOKED_AT = (
    "/",
    "/static/scripts/main.js",
    "/static/styles/page.css",
    "/api/models",
    "/api/jobs",
    "/api/health",
    "/api/models/skin-lesion/samples/ISIC_0000054",
)
SKIN = Path(__file__).parents[2] / "tests/data/skin_isic2017/images"
BRAINS = BUNDLED / "hippocampus/samples/images"
UPLOADED = {  # by model: what is sent to it
    "skin-lesion": SKIN / "ISIC_0000460.jpg",
    "hippocampus": BRAINS / "hippocampus_033.nii.gz",
}
SEEDS = (0, 1)
MEMBERS, STEPS = 4, 3


@dataclass
class Findings:
    """What healthy clients have met.

    Args:
        seconds: of each request that runs no job.
        wrong: statuses of such requests other than 200, by address.
        jobs: by what became of them.
        differing: masks unlike that of the same job run alone.
        running: how many jobs ran, at each look.
        control: seconds of requests to a server that does nothing.
    """

    seconds: list[float] = field(default_factory=list)
    control: list[float] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)
    jobs: Counter[str] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)
    running: list[int] = field(default_factory=list)


def quantiles_ms(seconds: list[float]) -> dict[str, float]:
    """Median and 95th percentile, in milliseconds."""
    ordered = sorted(seconds)
    shares = {"p50": 0.5, "p95": 0.95}
    return {
        name: round(1000 * ordered[int(share * (len(ordered) - 1))], 1)
        for name, share in shares.items()
    }


async def control(address: str, found: Findings) -> None:
    """Ask a server that does nothing, for ever."""
    dice = random.Random(0)
    async with client_of(address) as client:
        while True:
            await asyncio.sleep(dice.uniform(*THINK_SECONDS) / CONTROLS)
            started = time.perf_counter()
            await client.get("/")
            found.control.append(time.perf_counter() - started)


def client_of(address: str) -> httpx.AsyncClient:
    """A browser of its own; without the certificates, which take long to load."""
    return httpx.AsyncClient(base_url=address, timeout=120, verify=False)


async def look(address: str, number: int, found: Findings) -> None:
    """Look at the page for ever."""
    dice = random.Random(number)
    async with client_of(address) as client:
        await client.get("/")
        while True:
            await asyncio.sleep(dice.uniform(*THINK_SECONDS))
            path, started = dice.choice(LOOKED_AT), time.perf_counter()
            try:
                answer = await client.get(path)
                status = str(answer.status_code)
            except httpx.HTTPError as error:
                status = type(error).__name__
            found.seconds.append(time.perf_counter() - started)
            if status != "200":
                found.wrong[f"{path} {status}"] += 1


async def send(address: str, number: int, known: dict[str, str], found: Findings) -> None:
    """Upload one image after the other, follow each, and compare its mask with the known one."""
    async with client_of(address) as client:
        await client.get("/")
        while True:
            number += 1
            name = list(known)[number % len(known)]
            mask = await segmented(client, name, found)
            if mask is not None and mask != known[name]:
                found.differing.append(name)


async def segmented(client: httpx.AsyncClient, name: str, found: Findings) -> str | None:
    """Run a job; the hash of its mask, or None where there is none."""
    model, seed = name.split()
    image = UPLOADED[model]
    settings = {"model": model, "members": MEMBERS, "steps": STEPS, "seed": int(seed)}
    form = {"settings": (None, json.dumps(settings)), "files": (image.name, image.read_bytes())}
    answer = await client.post("/api/jobs", files=form)
    if answer.status_code != 202:
        found.jobs[f"refused {answer.status_code}"] += 1
        await asyncio.sleep(0.5)
        return None
    found.jobs["accepted"] += 1
    path = f"/api/jobs/{answer.json()['id']}"
    state = await _followed(client, path)
    found.jobs[state] += 1
    if state != "done":
        return None
    result = (await client.get(f"{path}/result")).json()
    content = (await client.get(result["layers"]["mask"])).content
    await client.delete(path)
    return hashlib.sha256(content).hexdigest()


async def alone(address: str) -> dict[str, str]:
    """The masks of all jobs, made one after the other."""
    found = Findings()
    async with client_of(address) as client:
        await client.get("/")
        names = [f"{model} {seed}" for model in UPLOADED for seed in SEEDS]
        masks = {name: await segmented(client, name, found) for name in names}
    return {name: mask for name, mask in masks.items() if mask is not None}


async def count_running(address: str, found: Findings) -> None:
    """See every second how many jobs run."""
    async with client_of(address) as client:
        while True:
            found.running.append((await client.get("/api/health")).json()["running"])
            await asyncio.sleep(1)


async def _followed(client: httpx.AsyncClient, path: str) -> str:
    """Listen to a job until it has ended; how it ended, or that it was never told."""
    last = ""
    async with client.stream("GET", f"{path}/events") as events:
        async for line in events.aiter_lines():
            if line.startswith("data: "):
                last = line.removeprefix("data: ")
    state = json.loads(last) if last else {"state": "never told"}
    has_reason = state["state"] != "failed" or state["error"]["message"]
    return state["state"] if has_reason else "failed without a reason"
