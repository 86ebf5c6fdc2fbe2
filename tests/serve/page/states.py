"""The states that the page can be in, and how one gets to each of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .conftest import Visit, drop

LONG = {"model": "skin-lesion", "members": 64, "steps": 250}  # takes minutes
NO_WEBGL = """() => {
  const context = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    return kind === "webgl2" ? null : context.call(this, kind, ...rest);
  };
}"""


@dataclass(frozen=True)
class Site:
    """Two servers with all that is there to see.

    Args:
        address: of one that runs one job at a time, keeps corrections and watches a training.
        early: of one whose training has not begun.
        lesion, volume: where their results are, and for whose session.
        files: a picture (`.jpg`), one that is broken, and what is no image.
    """

    address: str
    early: str
    lesion: dict[str, Any]
    volume: dict[str, Any]
    files: dict[str, Path]


@dataclass(frozen=True)
class Guest:
    """Somebody who looks at a site through a window of this size."""

    visit: Visit
    site: Site
    size: dict[str, int]
    pages: list[Any] = field(default_factory=list)

    def open(self, path: str = "", address: str = "", **options: Any) -> Any:
        where = address or self.site.address
        self.pages.append(self.visit(where, path, viewport=self.size, **options))
        return self.pages[-1]

    def result(self, which: dict[str, Any], shown: str = "mask") -> Any:
        page = self.open(**which)
        page.wait_for_selector(f"canvas[data-shown={shown}]")
        return page

    def leave(self) -> None:
        """Take away the jobs that are still under way, so that the next guest need not wait."""
        for page in self.pages:
            for job in page.request.get(f"{self.site.address}/api/jobs").json():
                if job["state"] in ("waiting", "running"):
                    page.request.delete(f"{self.site.address}/api/jobs/{job['id']}")


State = Callable[[Guest], Any]
STATES: dict[str, State] = {}


def state(opened: State) -> State:
    """Add a state to the table, under its function's name."""
    STATES[opened.__name__] = opened
    return opened


@state
def first_view(guest: Guest) -> Any:
    page = guest.open()
    page.wait_for_selector(".sample")
    return page


@state
def settings(guest: Guest) -> Any:
    page = first_view(guest)
    page.click(".sample")
    page.click("summary")
    return page


@state
def wrong_model(guest: Guest) -> Any:
    page = first_view(guest)
    page.get_by_label("Model").select_option("hippocampus")
    drop(page, guest.site.files["picture"])
    page.get_by_role("button", name="Use ").wait_for()
    return page


@state
def unknown_kind(guest: Guest) -> Any:
    page = first_view(guest)
    drop(page, guest.site.files["letter"])
    page.get_by_text("is of a kind that is not known").wait_for()
    return page


@state
def reading_the_models(guest: Guest) -> Any:
    page = guest.open()
    page.route("**/api/models", lambda route: None)  # that never answers
    page.reload()
    page.get_by_text("Reading the models").wait_for()
    return page


@state
def no_token(guest: Guest) -> Any:
    told = "This server asks for its token. Open the address that it printed at its start."
    page = guest.open()
    refusal = {"error": {"id": "0" * 8, "message": told}}
    page.route("**/api/models", lambda route: route.fulfill(status=401, json=refusal))
    page.reload()
    page.get_by_text(told).wait_for()
    return page


@state
def sending(guest: Guest) -> Any:
    page = first_view(guest)
    page.route("**/api/jobs", lambda route: None)
    page.click(".sample")
    page.click("button[type=submit]")
    page.get_by_role("button", name="Stop").wait_for()
    return page


@state
def refused(guest: Guest) -> Any:
    told = "8 jobs are waiting already. Try again in a minute."
    page = first_view(guest)
    refusal = {"error": {"id": "0" * 8, "message": told}}
    page.route("**/api/jobs", lambda route: route.fulfill(status=429, json=refusal))
    page.click(".sample")
    page.click("button[type=submit]")
    page.get_by_text(told).wait_for()
    return page


@state
def running(guest: Guest) -> Any:
    page = first_view(guest)
    page.goto(f"{guest.site.address}/#job/{begun(page, guest)}")
    page.wait_for_selector("progress[value]")
    return page


@state
def waiting(guest: Guest) -> Any:
    page = first_view(guest)
    begun(page, guest)
    page.goto(f"{guest.site.address}/#job/{begun(page, guest)}")
    page.locator(".stage", has_text="Waiting").wait_for()
    return page


@state
def earlier_jobs(guest: Guest) -> Any:
    page = first_view(guest)
    for _ in range(2):
        begun(page, guest)
    page.reload()
    page.locator(".state.waiting").first.wait_for()
    return page


@state
def cancelled(guest: Guest) -> Any:
    page = running(guest)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Nothing was kept of").wait_for()
    return page


@state
def failed(guest: Guest) -> Any:
    page = first_view(guest)
    drop(page, guest.site.files["broken"])
    page.click("button[type=submit]")
    page.get_by_text("could not be segmented").wait_for()
    return page


@state
def gone(guest: Guest) -> Any:
    page = guest.open(f"#job/{'0' * 32}")
    page.get_by_text("not here any more").wait_for()
    return page


@state
def lesion(guest: Guest) -> Any:
    page = guest.result(guest.site.lesion)
    for summary in page.locator("summary").all():
        summary.click()
    return page


@state
def each_mask(guest: Guest) -> Any:
    page = guest.result(guest.site.lesion)
    return looked_at(page, "Each mask", "'member 0'")


@state
def agreement(guest: Guest) -> Any:
    page = guest.result(guest.site.lesion)
    return looked_at(page, "Agreement", "agreement")


@state
def uncertainty(guest: Guest) -> Any:
    page = guest.result(guest.site.lesion)
    return looked_at(page, "Uncertainty", "uncertainty")


@state
def correcting(guest: Guest) -> Any:
    page = guest.result(guest.site.lesion)
    page.get_by_role("button", name="Correct the mask").click()
    page.get_by_role("button", name="Undo").wait_for()
    stroke(page)
    page.locator("button:enabled", has_text="Undo").wait_for()
    return page


@state
def kept(guest: Guest) -> Any:
    page = correcting(guest)
    page.get_by_label("Your name").fill("A. Reader")
    page.get_by_role("button", name="Keep image and mask").click()
    page.wait_for_selector(".answer.good")
    return page


@state
def asked(guest: Guest) -> Any:
    page = correcting(guest)
    page.get_by_role("link", name="About").click()
    page.get_by_role("dialog").wait_for()
    return page


@state
def volume(guest: Guest) -> Any:
    return guest.result(guest.site.volume)


@state
def volume_probability(guest: Guest) -> Any:
    page = guest.result(guest.site.volume)
    page.get_by_text("Coronal", exact=True).click()
    return looked_at(page, "Probability", "probability")


@state
def correcting_a_volume(guest: Guest) -> Any:
    page = guest.result(guest.site.volume)
    page.get_by_role("button", name="Correct the mask").click()
    page.get_by_role("button", name="Undo").wait_for()
    return page


@state
def no_webgl(guest: Guest) -> Any:
    page = guest.open(storage_state=guest.site.volume["storage_state"])
    page.evaluate(f"({NO_WEBGL})()")
    page.evaluate("(path) => { location.hash = path }", guest.site.volume["path"])
    page.get_by_text("This cannot be drawn").wait_for()
    return page


@state
def training(guest: Guest) -> Any:
    page = guest.open("#run")
    page.wait_for_selector(".charts svg")
    page.wait_for_selector(".pictures img")
    return page


@state
def no_training_yet(guest: Guest) -> Any:
    page = guest.open("#run", guest.site.early)
    page.get_by_text("No training is at work here yet").wait_for()
    return page


@state
def about(guest: Guest) -> Any:
    page = guest.open("#about")
    page.get_by_text("What the words mean").wait_for()
    return page


def looked_at(page: Any, view: str, shown: str) -> Any:
    page.locator(".choice").get_by_text(view, exact=True).click()
    page.wait_for_selector(f"canvas[data-shown={shown}]")
    return page


def begun(page: Any, guest: Guest) -> str:
    """Send a long job for the page's session; its id."""
    form = {"sample": page.locator(".sample").first.get_attribute("data-sample")}
    sent = {**form, "settings": json.dumps(LONG)}
    answer = page.request.post(f"{guest.site.address}/api/jobs", multipart=sent)
    assert answer.status == 202, answer.text()
    return answer.json()["id"]


def stroke(page: Any) -> None:
    """A short stroke of the pen above the lesion, where the picture is in sight."""
    box = page.locator(".viewer canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 0.1 * box["height"]
    assert 0 < y < page.viewport_size["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=3)
    page.mouse.up()
