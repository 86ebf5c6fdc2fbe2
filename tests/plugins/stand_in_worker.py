"""A worker that computes nothing: its jobs take as many seconds as they say.

The ensemble of a job tells how it behaves: "deaf" hears no cancelling, "silent" reports nothing,
"endless" says that it needs very long.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time


def say(**message: object) -> None:
    print(json.dumps(message), flush=True)


def work(job: dict, cancelled: set[str]) -> None:
    settings = job["settings"]
    ends = time.monotonic() + settings["seconds"]
    while time.monotonic() < ends:
        if job["id"] in cancelled and settings["ensemble"] != "deaf":
            return say(event="cancelled")
        if settings["ensemble"] != "silent":
            left = 1000.0 if settings["ensemble"] == "endless" else 0.1
            say(event="progress", stage="drawing", fraction=0.5, eta_seconds=left)
        time.sleep(0.02)
    return say(event="done")


def main() -> None:
    order = json.loads(sys.stdin.readline())
    if order["device"] == "broken":
        say(event="refused", message="The weights are damaged.")
        return
    if order["device"] == "bug":
        say(event="broken", trace="KeyError | work.py:1 described")
        return
    cancelled: set[str] = set()
    jobs: list[dict] = []

    def read() -> None:
        for line in sys.stdin:
            message = json.loads(line)
            if "job" in message:
                jobs.append(message["job"])
            else:
                cancelled.add(message["cancel"])
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    say(event="ready", fusions={})
    while True:
        if jobs:
            work(jobs.pop(0), cancelled)
        time.sleep(0.01)


if __name__ == "__main__":
    main()
