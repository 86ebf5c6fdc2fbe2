"""Take the pictures of the page and of a report that the README and the docs show.

    python docs/page_pictures.py [--run RUN] [--report REPORT.HTML] [--out docs/images]

Starts `medsegdiff serve` with the bundled models and samples, and goes through the page in Chromium
(needs playwright and a chromium). Pictures of a training and of a report are taken where these
are given.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

WINDOW: ViewportSize = {"width": 1280, "height": 860}
WIDTH = 960  # of the pictures, pixels
SMALL: tuple[ViewportSize, ...] = (  # a phone and a tablet
    {"width": 390, "height": 844},
    {"width": 820, "height": 844},
)
REPORT_WINDOW: ViewportSize = {"width": 1200, "height": 1494}
WAIT_MS = 300_000


@contextmanager
def serving(*arguments: object) -> Iterator[str]:
    """The address of a server that runs until the end of the block."""
    command = [sys.executable, "-m", "medsegdiff", "serve", "--port", "0", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            if not address:
                sys.exit("medsegdiff serve did not start; what it said stands above.")
            yield address
        finally:
            process.terminate()


def take(page: Page, path: Path) -> None:
    """The window as a small PNG of 256 colours, once its animations are over."""
    page.wait_for_timeout(800)
    save(Image.open(BytesIO(page.screenshot())), path)


def save(picture: Image.Image, path: Path, width: int = WIDTH) -> None:
    size = (width, round(picture.height * width / picture.width))
    small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    small.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    print(path)


def show(page: Page, view: str) -> None:
    page.locator(".choice").get_by_text(view, exact=True).click()
    page.wait_for_selector(f"canvas[data-shown={view.lower()}]")


def lesion(page: Page, out: Path) -> None:
    """A lesion: chosen, segmented, its uncertainty, and a stroke of the pen that is kept."""
    page.wait_for_selector(".sample")
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    page.get_by_role("button", name="ISIC 0010174").click()  # its masks disagree a little
    take(page, out / "serve_start.png")
    page.click("button[type=submit]")
    page.wait_for_selector("canvas[data-shown=mask]")
    take(page, out / "serve_mask.png")
    show(page, "Uncertainty")
    take(page, out / "serve_uncertainty.png")
    show(page, "Mask")
    correct(page)
    take(page, out / "serve_correct.png")


def correct(page: Page) -> None:
    page.get_by_role("button", name="Correct the mask").click()
    page.wait_for_timeout(500)
    box = page.locator("canvas").bounding_box()
    assert box is not None
    side = min(box["width"], box["height"])
    left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
    page.mouse.move(left + 0.2 * side, top + 0.2 * side)
    page.mouse.down()
    page.mouse.move(left + 0.36 * side, top + 0.14 * side, steps=6)
    page.mouse.up()
    page.get_by_label("Your name").fill("Dr. Example")
    page.get_by_label("Note").fill("Upper border drawn over.")
    page.get_by_role("button", name="Keep image and mask").click()
    page.wait_for_selector(".answer.good")
    page.evaluate("document.querySelector('.top-controls').scrollIntoView()")


def volume(page: Page, out: Path) -> None:
    page.wait_for_selector(".sample")
    page.get_by_label("Model").select_option("hippocampus")
    page.wait_for_selector(".sample[data-sample^=hippo]")
    page.click(".sample")
    page.click("button[type=submit]")
    page.wait_for_selector("canvas[data-shown=mask]")
    page.wait_for_timeout(2000)  # the three planes are drawn one after the other
    take(page, out / "serve_volume.png")


def small_screens(browser: Browser, address: str, path: Path) -> None:
    """The mask of a lesion on a phone, and beside it its correction on a tablet."""
    context = browser.new_context(viewport=SMALL[0], bypass_csp=True)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.get_by_role("button", name="ISIC 0010174").click()
    page.click("button[type=submit]")
    page.wait_for_selector("canvas[data-shown=mask]")
    page.wait_for_timeout(800)
    seen = [page.screenshot()]
    page.set_viewport_size(SMALL[1])
    page.get_by_role("button", name="Correct the mask").click()
    page.wait_for_timeout(800)
    seen.append(page.screenshot())
    parts = [Image.open(BytesIO(one)).convert("RGB") for one in seen]
    both = Image.new("RGB", (sum(part.width for part in parts) + 20, parts[0].height), "white")
    both.paste(parts[0], (0, 0))
    both.paste(parts[1], (parts[0].width + 20, 0))
    save(both, path)
    context.close()


def training(page: Page, out: Path) -> None:
    page.wait_for_selector(".charts svg")
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    take(page, out / "serve_training.png")


def report(browser: Browser, file: Path, path: Path) -> None:
    """Its head in light colours, and beside it the worst studies in dark ones."""
    both = Image.new("RGB", (2 * REPORT_WINDOW["width"], REPORT_WINDOW["height"]))
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for place, scheme in enumerate(schemes):
        page = browser.new_context(viewport=REPORT_WINDOW, color_scheme=scheme).new_page()
        page.goto(file.resolve().as_uri())
        if scheme == "dark":
            page.locator("h2", has_text=re.compile("^Studies")).evaluate(
                "(heading) => window.scrollBy(0, heading.getBoundingClientRect().top - 50)"
            )
        page.wait_for_timeout(1500)  # pictures are decoded where they come into view
        seen = Image.open(BytesIO(page.screenshot())).convert("RGB")
        both.paste(seen, (place * seen.width, 0))
    save(both, path, 2 * REPORT_WINDOW["width"] * 2 // 3)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=Path, help="a run, for the picture of a training")
    parser.add_argument("--report", type=Path, help="a report, for its picture")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images")
    given = parser.parse_args(arguments)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    watched = ["--run", given.run] if given.run else []
    with (
        tempfile.TemporaryDirectory() as folder,
        serving("--keep", Path(folder) / "corrections", *watched) as address,
        sync_playwright() as play,
    ):
        flags = ["--no-sandbox", "--enable-unsafe-swiftshader"]  # WebGL without a graphics card
        browser = play.chromium.launch(executable_path=chromium, args=flags)
        sights = {"": lesion, "#new": volume, **({"#run": training} if given.run else {})}
        for path, sight in sights.items():
            page = browser.new_context(viewport=WINDOW, bypass_csp=True).new_page()
            page.set_default_timeout(WAIT_MS)
            page.goto(f"{address}/{path}")
            sight(page, given.out)
        small_screens(browser, address, given.out / "serve_small.png")
        if given.report:
            report(browser, given.report, given.out / "report.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
