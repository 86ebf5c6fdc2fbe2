"""A browser, and a server as a person starts it; what cannot be had here is skipped."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from mimetypes import guess_type
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT_MS = 120_000  # for a mask, on a machine that does other things as well
DROP = """([name, bytes, type]) => {
  const transfer = new DataTransfer();
  const content = Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0));
  transfer.items.add(new File([content], name, { type }));
  return transfer;
}"""
FIELDS = """() => {
  window.sent = [];
  const append = FormData.prototype.append;
  FormData.prototype.append = function (name, value) {
    window.sent.push([name, String(value)]);
    return append.call(this, name, value);
  };
}"""

Visit = Callable[..., Any]


@contextmanager
def serving(*arguments: object) -> Iterator[str]:
    """`medsegdiff serve` on a free port, as a process of its own; gives its address."""
    command = [sys.executable, "-m", "medsegdiff", "serve", "--port", "0", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window; a module's own, since its event loop would disturb others."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    play = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with play.sync_playwright() as started:
        flags = ["--no-sandbox", "--enable-unsafe-swiftshader"]  # WebGL without a graphics card
        yield started.chromium.launch(executable_path=CHROMIUM, args=flags)


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    """Open a page; afterwards it must have logged no error, and asked nobody else for anything."""
    complaints: list[str] = []
    contexts = []

    def opened(address: str, path: str = "", **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = watched_page(context, address, complaints)
        page.goto(f"{address}/{path}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def watched_page(context: Any, address: str, complaints: list[str]) -> Any:
    """A page whose errors, and requests to anybody but the server, become complaints."""
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.on("console", lambda line: complaints.append(line.text) if is_error(line) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.extend(foreign(request.url, address)))
    return page


def segmented(browser: Any, address: str, path: Path, model: str = "") -> dict[str, Any]:
    """Give a file or a folder, wait for the mask: where it is, and for whose session."""
    complaints: list[str] = []
    context = browser.new_context()
    page = watched_page(context, address, complaints)
    page.goto(address)
    if model:
        page.get_by_label("Model").select_option(model)
    if path.is_dir():
        page.locator("input[webkitdirectory]").set_input_files(path)
    else:
        drop(page, path)
    page.click("button[type=submit]")
    page.wait_for_selector("canvas[data-shown=mask]")
    found = {"path": page.evaluate("location.hash"), "storage_state": context.storage_state()}
    context.close()
    assert complaints == []
    return found


def watched_run(run: Path) -> Path:
    """The fold of a training that has done 20 of 100 steps, with one validation; made for it."""
    folder = run / "fold_0"
    (folder / "samples").mkdir(parents=True)
    (run / "config.json").write_text(json.dumps({"train": {"max_steps": 100}}))
    Image.new("RGB", (64, 32), "teal").save(folder / "samples" / "step_0000020.png")
    steps = [{"step": step, "loss": 1 / step, "seconds": step} for step in range(1, 21)]
    log(folder, *steps, {"step": 20, "dice": 0.75})
    return folder


def log(folder: Path, *lines: dict[str, float]) -> None:
    """Add lines to the log of a training."""
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def drop(page: Any, path: Path) -> None:
    """Drop a file on the page."""
    content = base64.b64encode(path.read_bytes()).decode()
    page.wait_for_selector(".drop")
    transfer = page.evaluate_handle(DROP, [path.name, content, guess_type(path)[0] or ""])
    page.dispatch_event(".drop", "drop", {"dataTransfer": transfer})


def sent_fields(page: Any) -> list[list[str]]:
    """Names and values of what the page puts into forms, after `page.evaluate(FIELDS)`."""
    return page.evaluate("window.sent")


def is_error(line: Any) -> bool:
    """Whether a line of the browser's console is one; that the server refuses something is none."""
    return line.type == "error" and "responded with a status of 4" not in line.text


def foreign(url: str, address: str) -> list[str]:
    """The address, if it is not the server's own."""
    is_own = url.startswith((f"{address}/", "blob:", "data:"))
    return [] if is_own else [url]
