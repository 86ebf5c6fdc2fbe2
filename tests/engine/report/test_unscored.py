"""The report of masks without a truth: it says so, and the most doubtful come first."""

from __future__ import annotations

import json
from pathlib import Path

from medsegdiff.engine.report import Given


def test_the_most_doubtful_study_is_first(drawn: Path, shown):
    statistics = json.loads((drawn / "statistics.json").read_text(encoding="utf-8"))
    studies = shown(drawn).studies
    quality = [statistics[study]["quality"] for study in studies]
    assert len(studies) == 12
    assert quality == sorted(quality)


def test_it_says_that_nothing_was_compared(drawn: Path, shown):
    text = shown(drawn).text
    assert "No true masks were compared" in text
    assert "medsegdiff evaluate -gt TRUTH -p OUT" in text
    assert "Reliability" not in text


def test_images_are_shown_once_they_are_named(drawn: Path, skin_data: Path, shown):
    without, named = shown(drawn), shown(drawn, Given(images=skin_data / "images"))
    assert "name them with -i IMAGES" in without.text
    assert "name them with -i IMAGES" not in named.text
    first = next(given["alt"] for tag, given in named.tags if tag == "img")
    assert first.endswith(": image, prediction, uncertainty")


def test_its_numbers_are_those_of_the_statistics(drawn: Path, shown):
    statistics = json.loads((drawn / "statistics.json").read_text(encoding="utf-8"))
    found = {source: value for value, source, _ in shown(drawn).numbers}
    for study, entry in statistics.items():
        where = f"statistics.json#/{study}"
        assert float(found[f"{where}/quality"]) == entry["quality"]
        pieces = entry["classes"]["lesion"]["n_pieces"]
        assert int(found[f"{where}/classes/lesion/n_pieces"]) == pieces


def test_warnings_and_failures_are_listed(drawn: Path, changed, shown):
    statistics = json.loads((drawn / "statistics.json").read_text(encoding="utf-8"))
    study = next(iter(statistics))
    statistics[study]["warnings"] = ["The mask is empty."]
    out = changed(drawn, "statistics.json", **statistics)
    failure = {"study": "bad", "kind": "UnreadableStudy", "message": "/a/b/bad.png is cut off."}
    (out / "failures.json").write_text(json.dumps([failure]), encoding="utf-8")
    text = shown(out).text
    assert f"{study}: The mask is empty." in text
    assert "Could not be predicted bad: bad.png is cut off." in text


def test_studies_without_a_quality_are_shown_without(drawn: Path, changed, shown):
    statistics = json.loads((drawn / "statistics.json").read_text(encoding="utf-8"))
    alone = {study: {**entry, "quality": None} for study, entry in statistics.items()}
    found = shown(changed(drawn, "statistics.json", **alone))
    assert "Quality, mean" not in found.text
    assert len(found.studies) == len(statistics)
