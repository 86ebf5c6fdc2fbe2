"""Every state of the page at three widths: for screen readers, for fingers, and by keys alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medsegdiff.engine.model_location import BUNDLED

from .conftest import Visit, segmented, serving, watched_run
from .states import STATES, Guest, Site

pytestmark = pytest.mark.slow
WIDTHS = (390, 820, 1440)
SCHEMES = ("light", "dark")
SERIOUS = ("serious", "critical")
VOLUME = BUNDLED / "hippocampus" / "samples" / "images" / "hippocampus_033.nii.gz"
CONTROLS = """() => {
  const root = document.querySelector("dialog[open]") ?? document.body;
  const kinds = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  return [...root.querySelectorAll(kinds)].filter((one) =>
    one.checkVisibility() && !one.disabled && !one.matches(".skip"));
}"""
BARRED = """(controls) => {
  const wide = document.documentElement.clientWidth;
  const troubles = [];
  for (const one of controls) {
    const target = one.closest(".choice label, .legend label") ?? one;
    target.scrollIntoView({ block: "center", behavior: "instant" });
    const [box] = target.getClientRects();
    const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const name = `${one.tagName} ${(one.ariaLabel ?? target.innerText ?? "").slice(0, 40)}`;
    const isInText = one.matches("p a, dd a");
    if (box.left < 0 || box.right > wide) troubles.push(`${name} leaves the screen`);
    if (!target.contains(at)) troubles.push(`${name} is covered by ${at?.outerHTML.slice(0, 60)}`);
    if (!isInText && Math.min(box.width, box.height) < 24) {
      troubles.push(`${name} is small: ${box.width} x ${box.height}`);
    }
  }
  return troubles;
}"""
LISTEN = """() => {
  window.reached = new Set();
  document.addEventListener("focusin", ({ target }) => window.reached.add(target));
}"""
UNREACHED = """(controls) => {
  const isReached = (one) => window.reached.has(one)
    || (one.type === "radio" && [...window.reached].some(({ name }) => name === one.name));
  return controls.filter((one) => !isReached(one)).map((one) => one.outerHTML.slice(0, 80));
}"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, skin_data: Path) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 this is no picture")
    (folder / "letter.docx").write_bytes(b"PK")
    picture = skin_data / "images" / "ISIC_0000460.jpg"
    return {"picture": picture, "broken": folder / "broken.jpg", "letter": folder / "letter.docx"}


@pytest.fixture(scope="module")
def site(browser: Any, files: dict[str, Path], tmp_path_factory: Any) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    models = ("-m", "skin-lesion", "-m", "hippocampus", "--jobs", "1")
    there = ("--keep", folder / "kept", "--run", watched_run(folder / "lesions").parent)
    with (
        serving(*models, *there) as address,
        serving("-m", "skin-lesion", "--run", folder / "none") as early,
    ):
        lesion = segmented(browser, address, files["picture"])
        volume = segmented(browser, address, VOLUME, model="hippocampus")
        yield Site(address, early, lesion, volume, files)


@pytest.fixture(params=WIDTHS)
def guest(request: Any, visit: Visit, site: Site) -> Iterator[Guest]:
    guest = Guest(visit, site, {"width": request.param, "height": 900})
    yield guest
    guest.leave()


@pytest.mark.parametrize("state", STATES)
def test_every_state_can_be_used_by_everybody(guest: Guest, state: str) -> None:
    page, width = STATES[state](guest), guest.size["width"]
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {one}" for one in violations(page)]
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(f"({BARRED})(({CONTROLS})())") == []
    assert unreached(page) == []


def violations(page: Any) -> list[str]:
    """What axe-core calls serious, or worse."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']}, {[node['html'][:90] for node in one['nodes']]}"
        for one in found
        if one["impact"] in SERIOUS
    ]


def unreached(page: Any) -> list[str]:
    """Controls that the tab key does not come to in three rounds: a job that ends draws some."""
    found: list[str] = []
    for _ in range(3):
        page.evaluate(f"({LISTEN})()")
        for _ in range(page.evaluate(f"({CONTROLS})().length") + 5):
            page.keyboard.press("Tab")
        found = page.evaluate(f"({UNREACHED})(({CONTROLS})())")
        if not found:
            break
    return found
