"""Fill every connection of a server with clients that drip; are others still answered?

    python benchmarks/serve_drip.py [--clients 512] [--seconds 15] [--out FOLDER]

All on this machine, over loopback. One kind of client after the other holds all connections (such
as send nothing, headers, or a form, a byte a second), while requests on new connections ask for
/api/health. Writes serve_drip.json into the folder. Exit code 1 if one of these is not answered
with 200.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from load.drip import BEGUN, ask, drip
from load.healthy import quantiles_ms
from load.server import serving
from result_file import made_with

from medsegdiff.files import write_json

FILES = 4096  # that this process may have open: each connection is one
SETTLE_SECONDS = 3.0  # in which all connections are opened


async def dripped(address: str, kind: str, clients: int, seconds: float) -> dict[str, Any]:
    """What is answered while clients of one kind hold all connections."""
    told: Counter[str] = Counter()
    dripping = [asyncio.create_task(drip(address, kind, told)) for _ in range(clients)]
    await asyncio.sleep(SETTLE_SECONDS)
    statuses, taken = await ask(address, seconds)
    for task in dripping:
        task.cancel()
    await asyncio.gather(*dripping, return_exceptions=True)
    return {
        "statuses": dict(statuses),
        "answer_ms": quantiles_ms(taken),
        "connections_opened": told["opened"],
    }


def allow_files() -> None:
    """Let this process, and the server that it starts, open as many connections as it needs."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, most), most))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    allow_files()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), "--grace-seconds", "0") as server,
    ):
        found = {
            kind: asyncio.run(dripped(server.address, kind, options.clients, options.seconds))
            for kind in BEGUN
        }
    words = f"--clients {options.clients} --seconds {options.seconds:g}"
    figures = {
        **made_with(f"python benchmarks/serve_drip.py {words}"),
        "load_average": round(os.getloadavg()[0], 1),
        "while_clients_send": found,
    }
    print(json.dumps(figures, indent=2))
    if options.out:
        write_json(options.out / "serve_drip.json", figures)
    return int(any(set(one["statuses"]) != {"200"} for one in found.values()))


if __name__ == "__main__":
    sys.exit(main())
