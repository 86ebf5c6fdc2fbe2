"""Send requests that Schemathesis makes up from the server's own OpenAPI document.

    python benchmarks/serve_schema.py [--examples 100] [--seed 0] [--schemathesis PROGRAM]
                                      [--out FOLDER]

Needs the program schemathesis, best in an environment of its own: `pip install schemathesis`.
Starts a server on this machine that keeps corrections and watches a training, lets it finish some
jobs, so that their addresses are there, and has all of Schemathesis' checks done but one: what a
file holds, no schema can say, so a well-formed request may be refused. Writes serve_schema.json
into the folder. Exit code 1 if any check fails.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from load.server import Server, serving
from result_file import made_with

from medsegdiff.files import write_json

MISSING = (
    "schemathesis is not installed here. Install it, best in an environment of its own, and name "
    "it: --schemathesis ENVIRONMENT/bin/schemathesis."
)
FEW = {"model": "skin-lesion", "members": 1, "steps": 1}
JOBS = 12  # to be asked about, and as many to be deleted; more than Schemathesis deletes by chance
SLOWEST_SECONDS = 60  # an answer of /infer waits for its job, and for those before it
CONFIG = """\
warnings = false
continue-on-failure = true
request-timeout = 60
max-stream-events = 3

[dictionaries]
jobs = {{ values = {jobs} }}
doomed = {{ values = {doomed} }}
files = {{ values = ["mask", "image", "member_0", "download_mask", "download_0"] }}
models = {{ values = ["skin-lesion", "hippocampus"] }}
samples = {{ values = ["ISIC_0000054", "{sent}"] }}
steps = {{ values = [1, 2] }}

[parameters]
"path.job_id" = {{ dictionary = "jobs", probability = 0.5 }}
"path.file_id" = {{ dictionary = "files", probability = 0.7 }}
"path.model" = {{ dictionary = "models", probability = 0.7 }}
"path.sample" = {{ dictionary = "samples", probability = 0.5 }}
"path.session_id" = {{ dictionary = "samples", probability = 0.5 }}
"path.step" = {{ dictionary = "steps", probability = 0.5 }}
"query.image" = {{ dictionary = "samples", probability = 0.2 }}
"query.session_id" = {{ dictionary = "samples", probability = 0.2 }}

[[operations]]
include-method = "DELETE"
parameters = {{ "path.job_id" = {{ dictionary = "doomed", probability = 0.5 }} }}
"""


def watched_run(folder: Path) -> Path:
    """What a training that has ended leaves for the page: a log and a picture."""
    fold = folder / "run" / "fold_0"
    (fold / "final").mkdir(parents=True)
    (fold / "samples").mkdir()
    lines = [{"step": 1, "loss": 1.0, "seconds": 1.0}, {"step": 1, "dice": 0.5}]
    (fold / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    shutil.copy(next(Path("docs/images").glob("*.png")), fold / "samples" / "step_0000001.png")
    return folder / "run"


def finished_job(client: httpx.Client) -> str:
    """A job that is done."""
    form = {"settings": (None, json.dumps(FEW)), "sample": (None, "ISIC_0000054")}
    job = client.post("/api/jobs", files=form).json()["id"]
    while client.get(f"/api/jobs/{job}").json()["state"] != "done":
        time.sleep(0.1)
    return job


def prepared(server: Server, config: Path) -> str:
    """Let the server have something to be asked about; returns its session's cookie."""
    with httpx.Client(base_url=server.address, timeout=120) as client:
        client.get("/")
        jobs, doomed = ([finished_job(client) for _ in range(JOBS)] for _ in range(2))
        image = ("files", ("image.png", Path("docs/images/serve_mask.png").read_bytes()))
        sent = client.put("/session/", files=[image]).json()["session_id"]
        config.write_text(
            CONFIG.format(jobs=json.dumps(jobs), doomed=json.dumps(doomed), sent=sent)
        )
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def statuses(events: Path) -> tuple[dict[str, dict[str, int]], Counter[str]]:
    """How often each operation has answered what, and how often each check was done."""
    found: dict[str, Counter[str]] = {}
    checks: Counter[str] = Counter()
    for line in events.read_text(encoding="utf-8").splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        counted = found.setdefault(recorder.get("label", ""), Counter())
        for one in recorder.get("interactions", {}).values():
            response = one.get("response")
            counted["none" if response is None else str(response["status_code"])] += 1
        for some in recorder.get("checks", {}).values():
            checks.update(one["name"] for one in some)
    return {name: dict(sorted(one.items())) for name, one in sorted(found.items()) if one}, checks


def tried(
    program: str, server: Server, folder: Path, options: argparse.Namespace
) -> dict[str, Any]:
    """Run Schemathesis and sum up what it reports."""
    config, report, events = (folder / name for name in ("st.toml", "st.json", "st.ndjson"))
    cookie = prepared(server, config)
    command = [program, "--config-file", str(config), "run", f"{server.address}/api/openapi.json"]
    command += ["--max-examples", str(options.examples), "--seed", str(options.seed)]
    command += ["--checks", "all", "--exclude-checks", "positive_data_acceptance"]
    command += ["--max-response-time", str(SLOWEST_SECONDS)]
    command += ["--header", f"Cookie: {cookie}", "--output-sanitize", "false", "--no-color"]
    command += ["--report", "json,ndjson", "--report-json-path", str(report)]
    command += ["--report-ndjson-path", str(events)]
    subprocess.run(command, check=False, cwd=folder)
    told, (answers, checks) = json.loads(report.read_text()), statuses(events)
    return {
        **made_with(
            f"python benchmarks/serve_schema.py --examples {options.examples} --seed {options.seed}"
        ),
        "load_average": round(os.getloadavg()[0], 1),
        "schemathesis": told["schemathesis_version"],
        "requests": sum(sum(one.values()) for one in answers.values()),
        "operations": told["operations"]["tested"],
        "failures": told["failures"],
        "errors": told["errors"],
        "server_errors": sum(
            count for one in answers.values() for code, count in one.items() if code >= "500"
        ),
        "is_alive": server.process.poll() is None,
        "seconds": round(told["running_time"], 1),
        "checks": dict(sorted(checks.items())),
        "answers": answers,
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--examples", type=int, default=100, help="for each operation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--schemathesis", default="schemathesis")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    program = shutil.which(options.schemathesis)
    if program is None:
        print(MISSING, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = ("--jobs", "2", "--keep", str(folder / "kept"), "--run", str(watched_run(folder)))
        with serving(folder, *words) as server:
            found = tried(program, server, folder, options)
    print(json.dumps({key: one for key, one in found.items() if key != "answers"}, indent=2))
    if options.out:
        write_json(options.out / "serve_schema.json", found)
    return int(bool(found["failures"] or found["errors"] or found["server_errors"]))


if __name__ == "__main__":
    sys.exit(main())
