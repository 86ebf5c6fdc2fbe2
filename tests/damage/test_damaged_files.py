"""Damaged files of every format: refused with a way out, or read rightly; never a crash."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from damage.generator import PLACES, damaged
from damage.odd import ODD, VALID
from damage.sound import MAKERS, sound
from damage.study import Damaged, Expected, Truth
from damage.verdict import MEGABYTES, RIGHT, UNDETECTED, Verdict, judged
from damage.worker import SECONDS, Worker
from damaged_files import verdicts
from PIL import Image

SEED = 0
WHOLE = 2000
STRIDE = 13  # has no factor in common with the number of formats, so all of them are met
CHECKSUMMED = ("png", "nii.gz", "tif (deflate)", "nrrd (gzip)", "mha (zlib)")


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """A process that reads, for all tests."""
    with Worker() as started:
        yield started


@pytest.fixture(scope="module")
def sample(worker: Worker) -> list[Verdict]:
    """About 150 of the files of the whole run."""
    return list(verdicts(SEED, range(0, WHOLE, STRIDE), worker))


@pytest.fixture(scope="module")
def whole() -> list[Damaged]:
    """All files of the whole run, in memory."""
    return [damaged(SEED, number) for number in range(WHOLE)]


def wrong(found: list[Verdict]) -> list[str]:
    return [f"{one.number}, {one.format}, {one.where}: {one.faults}" for one in found if one.faults]


def test_every_file_of_the_sample_is_refused_or_read_rightly(sample: list[Verdict]):
    assert not wrong(sample)
    assert {one.format for one in sample} >= {damaged(SEED, n).study.format for n in range(PLACES)}


def test_no_file_takes_long_or_much(sample: list[Verdict]):
    assert max(one.seconds for one in sample) <= 10
    assert max(one.megabytes for one in sample) <= MEGABYTES


def test_sound_files_of_every_format_are_read(worker: Worker, tmp_path: Path):
    for turn, kind in enumerate(MAKERS):
        report = worker.read(sound(kind).write(tmp_path / str(turn)))
        verdict = judged(turn, Damaged(sound(kind), VALID, kind, Expected.READ), report)
        assert (verdict.outcome, verdict.faults) == (RIGHT, ())


def test_a_change_of_one_voxel_or_of_the_place_is_noticed(worker: Worker, tmp_path: Path):
    study = sound("nii")
    report = worker.read(study.write(tmp_path))
    image = study.truth.image + np.eye(1, study.truth.image.size).reshape(study.truth.image.shape)
    assert study.truth.affine is not None
    for truth in (
        Truth(image, study.truth.affine),
        Truth(study.truth.image, study.truth.affine * 1.01),
    ):
        given = Damaged(replace(study, truth=truth), "test", "", Expected.NEVER_WRONG)
        assert judged(0, given, report).outcome == UNDETECTED
        assert judged(0, given, report).faults


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot hold a process")
def test_a_process_that_takes_long_is_ended_and_replaced(tmp_path: Path):
    path = sound("png").write(tmp_path)
    with Worker() as worker:
        assert worker.read(path).image is not None
        os.kill(worker.process.pid, signal.SIGSTOP)  # it will not answer, however fast it is
        worker.seconds = 0.1
        assert worker.read(path).end == "hang"
        worker.seconds = SECONDS
        assert worker.read(path).end == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory of a file")
def test_the_memory_of_a_file_is_measured(worker: Worker, tmp_path: Path):
    Image.new("L", (4000, 4000)).save(tmp_path / "a.png")
    assert 64 < worker.read(tmp_path / "a.png").megabytes < MEGABYTES  # float32: 64 MB


def test_the_same_seed_and_number_damage_the_same_bytes():
    for number in range(0, 300, 7):
        first, again, other = (damaged(seed, number) for seed in (SEED, SEED, SEED + 1))
        assert (first.line, first.study.files) == (again.line, again.study.files)
        assert number % PLACES == PLACES - 1 or first.study.format == other.study.format


def test_every_damage_is_said_in_one_line(whole: list[Damaged]):
    lines = [one.line for one in whole]
    assert all(line.count(": ") >= 2 and "\n" not in line for line in lines)
    assert len(set(lines)) > 0.85 * WHOLE


def test_what_a_checksum_covers_must_be_found(whole: list[Damaged]):
    harmed = [one for one in whole if one.kind in ("bits flipped", "hole of zeros")]
    for one in harmed:
        if one.study.format in CHECKSUMMED and "header, " not in one.where.replace("gzip ", ""):
            assert one.expected is Expected.NEVER_WRONG, one.line


def test_every_truncation_must_be_refused(whole: list[Damaged]):
    cut = [one for one in whole if one.kind == "truncated"]
    assert len(cut) > 150
    assert all(one.expected is Expected.REFUSED for one in cut)


@pytest.mark.slow
def test_every_file_of_the_whole_run_is_refused_or_read_rightly(worker: Worker):
    found = list(verdicts(SEED, range(WHOLE), worker))
    assert not wrong(found)
    assert not [one for one in found if one.outcome == UNDETECTED and not one.reason]
    assert len([one for one in found if one.kind == VALID]) == len(ODD)
