"""Processes that work when they are told to, so that several can take turns on one machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from typing import Any


class Helper:
    """A process that answers each line of JSON with another, and waits in between.

    Args:
        words: of its command line, behind the interpreter.
        variables: of its environment, beside ours.
    """

    def __init__(self, words: Sequence[str], **variables: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **variables},
        )

    def __enter__(self) -> Helper:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.__exit__(None, None, None)  # closes what it reads from, and waits

    def ask(self, *words: str | int) -> Any:
        """What it answers; ends this program if it has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            print(json.dumps(words), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"A process ended that was asked for {words}; what it said stands above.")
        return json.loads(line)


def answer_all(answer: Callable[..., Any]) -> None:
    """The other side: answer every line until there are no more; what is printed goes to stderr."""
    told = sys.stdout
    with redirect_stdout(sys.stderr):
        for line in sys.stdin:
            print(json.dumps(answer(*json.loads(line))), file=told, flush=True)
