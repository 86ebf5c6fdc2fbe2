"""What to think of what a reader did with a damaged file."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from damage.dicom_objects import PATIENT
from damage.study import Damaged, Expected, Truth
from damage.worker import SECONDS, Read, Report, digest

MEGABYTES = 300.0  # by which memory may grow for files that declare a few kilobytes, and for bombs
AFFINE_WITHIN = 1e-5  # mm; float32 in NIfTI headers
OUT_OF_MEMORY = ("Unable to allocate", "MemoryError", "bad allocation", "bad_alloc")

REFUSED, RIGHT, UNDETECTED, CRASH = "refused", "read rightly", "undetected", "crash"
ALLOWED = {
    Expected.READ: (RIGHT,),
    Expected.REFUSED: (REFUSED,),
    Expected.NEVER_WRONG: (REFUSED, RIGHT),
    Expected.UNKNOWABLE: (REFUSED, RIGHT, UNDETECTED),
}


@dataclass(frozen=True)
class Verdict:
    """One file of a run.

    Args:
        number: of the file.
        format, kind, where: as in `Damaged`.
        expected: what the reader owed it.
        outcome: "refused", "read rightly", "undetected" or "crash".
        reason: why nobody could have found the damage.
        text: what the refusal says, or how it crashed.
        faults: what is wrong with the outcome; empty for a good one.
    """

    number: int
    format: str
    kind: str
    where: str
    expected: str
    outcome: str
    reason: str
    text: str
    seconds: float
    megabytes: float
    faults: tuple[str, ...] = field(default=())


def judged(number: int, given: Damaged, report: Report) -> Verdict:
    """Compare what was read with what should have been."""
    outcome, text = _outcome(given.study.truth, report)
    faults = tuple(_faults(given, report, outcome, text))
    return Verdict(
        number,
        given.study.format,
        given.kind,
        given.where,
        given.expected.name,
        outcome,
        given.reason if outcome == UNDETECTED else "",
        text,
        round(report.seconds, 3),
        round(report.megabytes, 1),
        faults,
    )


def _outcome(truth: Truth, report: Report) -> tuple[str, str]:
    ways = (report.header, report.image, report.mask)
    if report.end:
        return CRASH, report.end
    for read in ways:
        if read is not None and read.error and not read.is_refusal:
            return CRASH, f"{read.error}: {read.text}"
    assert report.image is not None
    assert report.mask is not None
    right = digest(truth.image)
    is_wrong = report.image.values not in ("", right)
    is_wrong |= not report.image.error and not _agree(truth, report.image)
    is_wrong |= truth.is_mask and report.mask.values not in ("", right)
    if is_wrong:
        return UNDETECTED, ""
    return (REFUSED, report.image.text) if report.image.error else (RIGHT, "")


def _agree(truth: Truth, read: Read) -> bool:
    if truth.affine is None or read.affine is None:
        return truth.affine is None and read.affine is None
    return np.allclose(truth.affine, np.array(read.affine), rtol=0, atol=AFFINE_WITHIN)


def _faults(given: Damaged, report: Report, outcome: str, text: str) -> list[str]:
    faults = []
    if outcome not in ALLOWED[given.expected]:
        faults.append(f"{outcome}, expected: {given.expected.value}")
    if report.seconds > SECONDS:
        faults.append(f"took {report.seconds:.1f} s")
    if report.megabytes > MEGABYTES:
        faults.append(f"took {report.megabytes:.0f} MB")
    if outcome == REFUSED:
        faults += _faults_of_text(given, text)
    if (
        outcome == RIGHT
        and report.mask is not None
        and report.mask.error
        and given.study.truth.is_mask
    ):
        faults.append(f"its mask was refused: {report.mask.text}")
    return faults


def _faults_of_text(given: Damaged, text: str) -> list[str]:
    """A refusal names the file (or the series' folder) and says what to do."""
    faults = []
    names = [name for name in (given.study.opened, *given.study.files) if name]
    if not any(name in text for name in names) and given.study.opened:
        faults.append("the refusal does not name the file")
    if not text.endswith(".") or text.count(". ") < 1:
        faults.append("the refusal does not say what to do")
    if any(private in text for private in PATIENT):
        faults.append("the refusal names the patient")
    if any(words in text for words in OUT_OF_MEMORY):
        faults.append("refused only when memory ran out")
    return faults
