"""A worker as the server sees it: a process that takes JSON lines and answers with JSON lines."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

LONGEST_LINE = 8 * 2**20  # bytes of one message
DYING_SECONDS = 1.0  # between the end of its messages and its own


class WorkerProcess:
    """One process with one model loaded.

    Args:
        process: running `medsegdiff.serve.worker`, or another module that speaks JSON lines.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def started(
        cls, root: Path, order: dict[str, Any], module: str = "medsegdiff.serve.worker"
    ) -> WorkerProcess:
        """Start a process and tell it what it is for.

        It runs in an empty folder, for Python imports from there. What it writes to its standard
        error is thrown away: libraries name files and patients there. What goes wrong in Python it
        says itself, without names; of a crash `death` tells the signal.

        Args:
            root: private folder of the server.
            order: models, device and limits, see `worker.py`.
            module: that the process runs.
        """
        empty = root / "nothing"
        empty.mkdir(mode=0o700, exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=empty,
            limit=LONGEST_LINE,
        )
        worker = cls(process)
        try:
            await worker.send(order)
        except BaseException:
            await worker.kill()
            raise
        return worker

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended, as far as is known."""
        return self._process.returncode is None

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message; to a dead process, nothing."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError):
            pass

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None once the process is dead."""
        assert self._process.stdout is not None
        try:
            line = await self._process.stdout.readline()
            return json.loads(line) if line.endswith(b"\n") else None
        except ValueError:  # an overlong line, or no JSON: not one of ours
            return None

    async def death(self) -> str:
        """How the process has ended by itself, for the log."""
        try:
            code = await asyncio.wait_for(self._process.wait(), DYING_SECONDS)
        except asyncio.TimeoutError:
            return "it lives, but what it has sent is no message"
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    async def kill(self) -> None:
        """End the process at once."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
