"""A folder with readers and writers beside the network: same files, and a crash is one study's."""

from __future__ import annotations

import errno
import faulthandler
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.engine import readers
from medsegdiff.engine.folder_prediction import predict_folder
from medsegdiff.engine.nursery import can_fork
from medsegdiff.engine.outputs import Extras, StudyPrediction
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.engine.workers import NOBODY, Part, Workers
from medsegdiff.errors import ResourceError, UnreadableStudy

COUNT = 5
EXTRAS = Extras(probabilities=True, uncertainty=True, members=True, previews=True)
needs_fork = pytest.mark.skipif(not can_fork(), reason="processes are forked on Linux alone")


@pytest.fixture
def images(skin_data: Path, tmp_path: Path) -> Path:
    """Five images and half of one."""
    folder = tmp_path / "in"
    folder.mkdir()
    for image in sorted((skin_data / "images").iterdir())[:COUNT]:
        shutil.copy(image, folder)
    whole = image.read_bytes()
    (folder / "ISIC_0000000.jpg").write_bytes(whole[: len(whole) // 2])
    return folder


def pictures(out: Path) -> dict[Path, bytes]:
    return {one.relative_to(out): one.read_bytes() for one in out.rglob("*.png")}


def load(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("forks", [True, False])
def test_files_do_not_depend_on_the_workers(
    count: int, forks: bool, images: Path, model: TrainedModel, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(readers, "can_fork", lambda: forks and can_fork())
    beside, outs = Workers(readers=count, writers=count), [tmp_path / "one", tmp_path / "other"]
    results = [
        [one.study for one in predict_folder(images, out, model, extras=EXTRAS, workers=workers)]
        for out, workers in zip(outs, (NOBODY, beside), strict=True)
    ]
    assert results[0] == results[1] == sorted(one.stem for one in images.iterdir())
    assert pictures(outs[0]) == pictures(outs[1])
    for file in ("statistics.json", "failures.json"):
        assert load(outs[0] / file) == load(outs[1] / file)


@needs_fork
@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGKILL, ResourceError), (signal.SIGSEGV, UnreadableStudy)]
)
def test_a_reader_that_dies_fails_its_study_alone(
    number: signal.Signals, error: type, images: Path, model: TrainedModel, tmp_path, monkeypatch
):
    victim, whole = sorted(images.iterdir())[2].stem, FileDataset.load

    def dying(self: FileDataset, study: str) -> Any:
        if study == victim:
            faulthandler.disable()  # it would tell of the crash at length
            os.kill(os.getpid(), number)
        return whole(self, study)

    monkeypatch.setattr(FileDataset, "load", dying)
    workers = Workers(readers=1, writers=1)  # the same reader would have read the next ones
    results = list(predict_folder(images, tmp_path / "out", model, workers=workers))
    failed = {one.study: one.error for one in results if one.error}
    assert set(failed) == {"ISIC_0000000", victim}
    assert type(failed[victim]) is error
    assert victim in str(failed[victim])
    assert len(list((tmp_path / "out").glob("*.png"))) == COUNT - 1


@needs_fork
def test_errors_of_readers_are_those_of_the_study(images: Path, model: TrainedModel, tmp_path):
    both = [
        next(iter(predict_folder(images, tmp_path / "out", model, workers=workers))).error
        for workers in (NOBODY, Workers())
    ]
    assert type(both[0]) is type(both[1]) is UnreadableStudy
    assert str(both[0]) == str(both[1])


def test_a_single_study_starts_nobody(images: Path, model: TrainedModel, tmp_path, monkeypatch):
    def refused(*given: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(readers, "can_fork", lambda: True)
    monkeypatch.setattr(readers, "Nursery", refused)
    single = images / f"{sorted(images.iterdir())[1].stem}.jpg"
    assert [one.error for one in predict_folder(single, tmp_path / "a", model)] == [None]
    with pytest.raises(AssertionError):
        list(predict_folder(images, tmp_path / "b", model))


def test_a_full_disk_ends_the_run(images: Path, model: TrainedModel, tmp_path, monkeypatch):
    def full(*given: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(StudyPrediction, "save", full)
    with pytest.raises(ResourceError, match="is full"):
        list(predict_folder(images, tmp_path / "out", model))


def test_what_is_done_is_not_sent_again(images: Path, model: TrainedModel, tmp_path: Path):
    list(predict_folder(images, tmp_path / "out", model))
    again = list(predict_folder(images, tmp_path / "out", model, is_continued=True))
    assert [one.is_skipped for one in again] == [False] + [True] * COUNT
    assert again[0].error is not None


def test_large_studies_are_held_one_at_a_time(images: Path, model: TrainedModel, tmp_path: Path):
    little = Workers(memory_gb=1e-6)
    results = list(predict_folder(images, tmp_path / "out", model, workers=little))
    assert [one.number for one in results if not one.error] == list(range(2, COUNT + 2))


def test_parts_of_a_folder_share_one_out(images: Path, model: TrainedModel, tmp_path: Path):
    out = tmp_path / "out"
    parts = [
        predict_folder(images, out, model, part=Part(num_parts=2, part_id=one)) for one in (0, 1)
    ]
    found = [next(part).study for part in parts]  # both have begun before either goes on
    found += [one.study for part in parts for one in part]
    report, studies = load(out / "run_report.json"), {one.stem for one in images.iterdir()}
    assert sorted(found) == sorted(studies)
    assert set(report["studies"]) == studies
    assert (report["n_done"], report["n_failed"], report["is_finished"]) == (COUNT, 1, True)
    assert len(load(out / "statistics.json")) == COUNT
    assert [one["study"] for one in load(out / "failures.json")] == ["ISIC_0000000"]
