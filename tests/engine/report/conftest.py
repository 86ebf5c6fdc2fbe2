"""Predictions of a tiny model, evaluated once, and what a browser would find in a report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from medsegdiff.engine.evaluate import evaluate_folders
from medsegdiff.engine.evaluation_files import write_summary
from medsegdiff.engine.folder_prediction import predict_folder
from medsegdiff.engine.outputs import Extras
from medsegdiff.engine.report import Given, write_report
from medsegdiff.engine.weights import TrainedModel


@dataclass
class Shown(HTMLParser):
    """A report, taken apart: numbers with value, source and text; rows; text; elements."""

    html: str
    numbers: list[tuple[str, str | None, str]] = field(default_factory=list)
    sort_keys: list[str] = field(default_factory=list)
    studies: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: str = ""
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag == "data":
            self.numbers.append((given["value"] or "", given.get("data-from"), ""))
        if given.get("class") == "study":
            self.studies.append("")
        if tag != "wbr":
            self._open = str(given.get("class") or tag)

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._open == "study":
            self.studies[-1] += data
        if self._open == "data":
            value, source, text = self.numbers[-1]
            self.numbers[-1] = value, source, text + data

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


Reporter = Callable[..., Shown]


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Reporter:
    """Write a report and take it apart; of the same folder only once, since they stay as they are.

    A folder that a test has changed has a name of its own.
    """
    path = tmp_path_factory.mktemp("reports") / "report.html"

    @cache
    def written(source: Path, given: Given | None = None) -> Shown:
        write_report(source, path, given)
        return Shown(path.read_text(encoding="utf-8"))

    return written


@pytest.fixture(scope="session")
def drawn(model: TrainedModel, skin_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OUT of the twelve images, without a truth; only to be looked at."""
    out = tmp_path_factory.mktemp("drawn")
    extras = Extras(probabilities=True, uncertainty=True)
    results = list(predict_folder(skin_data, out, model, extras=extras))
    assert [one.error for one in results] == [None] * 12
    return out


@pytest.fixture(scope="session")
def evaluated(drawn: Path, skin_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, compared with the true masks; only to be looked at."""
    out = tmp_path_factory.mktemp("evaluated") / "out"
    shutil.copytree(drawn, out)
    write_summary(out / "summary.json", evaluate_folders(skin_data, out))
    return out


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Path]:
    """Copy a folder and change one of its JSON files."""

    def copied(out: Path, name: str, **values: object) -> Path:
        copy = tmp_path / "copy"
        shutil.copytree(out, copy)
        content = json.loads((copy / name).read_text(encoding="utf-8"))
        (copy / name).write_text(json.dumps({**content, **values}), encoding="utf-8")
        return copy

    return copied
