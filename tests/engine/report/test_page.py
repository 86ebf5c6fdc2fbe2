"""The page as a file: alone, safe, small enough."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

from medsegdiff.engine.report.contents import Cell, Column, Number, Page, Picture, Studies, StudyRow
from medsegdiff.engine.report.page import as_html
from medsegdiff.engine.report.thumbnails import byte_budget

HOSTILE = "<script>alert('1')</script><img src=x onerror=alert(1)>"


def named(study: str, uri: str = "data:,") -> StudyRow:
    cells = [Cell([(study, Number(0.123456, f"summary.json#/metric_per_case/599/metrics/1/{i}"))])
             for i in range(8)]  # fmt: skip
    return StudyRow(study, cells, [study], Picture(uri, 400, 100, study, study))


def page(rows: list[StudyRow], name: str = "x") -> Page:
    columns = [Column(name, name)] * 8
    return Page(name, (name,), studies=Studies(name, columns, rows, [name], [(name, "#fff")]),
                facts={name: {name: name}}, commands=[name])  # fmt: skip


def test_what_comes_from_files_is_text_and_nothing_else():
    html = as_html(page([named(HOSTILE)], HOSTILE))
    assert html.count("<script") == 1
    assert html.count("<img") == 1
    assert "onerror=alert(1)>" not in html.replace("onerror=alert(1)&gt;", "")
    assert html.count("&lt;script&gt;") > 8


def test_a_hostile_name_in_a_failure_is_harmless(drawn: Path, changed, shown):
    out = changed(drawn, "run_report.json", model=HOSTILE)
    failure = {"study": HOSTILE, "kind": "DataError", "message": HOSTILE}
    (out / "failures.json").write_text(json.dumps([failure]), encoding="utf-8")
    found = shown(out)
    assert [tag for tag, _ in found.tags].count("script") == 1
    assert HOSTILE.partition("/")[0] in found.text


def test_nothing_is_fetched_and_only_our_own_script_runs(evaluated: Path, shown):
    found = shown(evaluated)
    policy = next(one["content"] for _, one in found.tags if "http-equiv" in one)
    assert policy.startswith("default-src 'none'; img-src data:; ")
    for tag in ("style", "script"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", found.html, re.S)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    addresses = [one[key] for _, one in found.tags for key in ("src", "href") if key in one]
    assert all(one.startswith(("data:", "#s")) for one in addresses)
    assert not re.search(r"https?://|@import|url\((?!#)", found.html)


def test_it_says_that_it_is_no_medical_device(evaluated: Path, shown):
    assert shown(evaluated).text.count("Not a medical device") == 2


def test_six_hundred_studies_fit_into_ten_megabytes():
    budget = byte_budget(600)
    uri = "data:image/jpeg;base64," + "A" * (budget * 4 // 3 + 4)
    html = as_html(page([named(f"study_of_a_long_name_{i:04}", uri) for i in range(600)]))
    assert len(html.encode()) <= 10_000_000


def test_a_point_of_a_plot_leads_to_its_study(evaluated: Path, shown):
    found = shown(evaluated)
    places = {one["id"] for tag, one in found.tags if tag == "tr" and "id" in one}
    links = {one["href"].removeprefix("#") for tag, one in found.tags if tag == "a"}
    assert links
    assert links <= places
