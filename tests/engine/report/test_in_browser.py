"""The report in Chromium: sorted, filtered, without a request, an error or a bar to scroll by."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medsegdiff.engine.report import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def html(evaluated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("html") / "report.html"
    write_report(evaluated, path)
    return path


@pytest.fixture
def opened(html: Path) -> Iterator[Callable[..., Any]]:
    """Open the report at a width; fails if it asks for anything or complains."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    complaints: list[str] = []
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def page(width: int = 1440, **options: Any) -> Any:
            shown = browser.new_page(viewport={"width": width, "height": 900}, **options)
            shown.on("console", lambda message: complaints.append(message.text))
            shown.on("pageerror", lambda error: complaints.append(str(error)))
            shown.on("request", lambda one: complaints.append(one.url) if is_foreign(one) else None)
            shown.goto(html.as_uri())
            return shown

        yield page
        browser.close()
    assert complaints == []


def is_foreign(request: Any) -> bool:
    return not request.url.startswith(("file:", "data:"))


def studies(page: Any) -> list[str]:
    return page.locator("tr:visible .study").all_text_contents()


def test_it_is_sorted_by_a_click(opened):
    page = opened()
    before = studies(page)
    page.get_by_role("button", name="Study").click()
    assert studies(page) == sorted(before)
    page.get_by_role("button", name="Study").click()
    assert studies(page) == sorted(before, reverse=True)
    assert page.locator("th[aria-sort=descending]").count() == 1
    page.get_by_role("button", name="Dice").first.click()
    assert studies(page) == before


def test_on_a_narrow_screen_a_list_sorts(opened):
    page = opened(400)
    before = studies(page)
    ways = page.get_by_label("Sorted by")
    ways.select_option(label="Study, Z to A")
    assert studies(page) == sorted(before, reverse=True)
    ways.select_option(label="Dice, lowest first")
    assert studies(page) == before
    assert not opened(1440).get_by_label("Sorted by").is_visible()


def test_it_is_filtered_by_name_and_by_limit(opened):
    page = opened()
    before = studies(page)
    page.get_by_label("Name contains").fill(before[3].lower())
    assert studies(page) == [before[3]]
    assert page.locator("#shown").text_content() == "1 of 12 studies"
    page.get_by_label("Name contains").fill("")
    page.get_by_label("Dice below").fill("0")
    assert studies(page) == []


def test_a_point_leads_to_its_study_though_it_is_hidden(opened):
    page = opened()
    page.get_by_label("Name contains").fill("nothing")
    page.locator("svg.plot a").first.dispatch_event("click")
    assert len(studies(page)) == 12


@pytest.mark.parametrize("width", [390, 820, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_screen(opened, width: int, scheme: str):
    page = opened(width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_it_is_whole_without_javascript(opened):
    page = opened(java_script_enabled=False)
    assert len(studies(page)) == 12
    assert not page.locator("#filters").is_visible()
