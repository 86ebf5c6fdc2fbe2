"""What is shown of each study: one line on stdout, or one line of JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from statistics import fmean

from medsegdiff.cli import console
from medsegdiff.engine.demo import DemoResult
from medsegdiff.engine.evaluate import Summary
from medsegdiff.engine.evaluation_files import summary_table
from medsegdiff.engine.folder_prediction import StudyResult
from medsegdiff.engine.run_report import sentence
from medsegdiff.engine.study_score import StudyScore
from medsegdiff.errors import MedSegDiffError

SHOWN_METRICS = ("Dice", "IoU", "HD95")
NAMED = 5  # studies that a sentence names; the files name all


def show_predictions(predicted: Callable[..., Iterable[StudyResult]], is_json: bool) -> int:
    """Show results as they come, and in a terminal how far each study is, then what failed.

    Args:
        predicted: called with `progress` and `warn`, gives the results one by one.
        is_json: lines of JSON, and no bar.

    Returns:
        The exit code: 0; 3 if some studies failed; if all did, that of the first error.
    """
    started, failed, done = time.perf_counter(), [], 0
    said: dict[str, Sequence[str]] = {}

    def warn(study: str, warnings: Sequence[str]) -> None:
        with suppress(OSError):  # nobody listens any more: no reason to lose a mask
            _warn(study, warnings)
            said[study] = warnings

    with console.bar("predicting", is_wanted=not is_json) as bar:
        for result in predicted(progress=bar.within, warn=None if is_json else warn):
            left = (time.perf_counter() - started) / result.number * (result.total - result.number)
            if is_json:
                console.json_result(**_values(result), seconds_left=round(left, 1))
            else:
                _show(result, said.pop(result.study, ()))
            bar.at(result.number, result.total)
            done += result.error is None
            failed += [] if result.error is None else [result]
            del result  # its maps, before the next study is begun
    if len(failed) + done > 1 and failed:
        names = ", ".join(one.study for one in failed[:NAMED]) + (" ..." if failed[NAMED:] else "")
        total = done + len(failed)
        console.log(f"{len(failed)} of {total} studies failed: {names}. See failures.json.")
    return 0 if not failed else 3 if done else _exit_code(failed[0].error)


def show_demo(results: Iterable[DemoResult], is_json: bool) -> list[DemoResult]:
    """Show Dice and seconds of each image as they come, then their means; returns them all."""
    shown: list[DemoResult] = []
    for one in results:
        shown.append(one)
        if is_json:
            console.json_result(study=one.sample.study, dice=one.dice, seconds=one.seconds)
        else:
            name = one.sample.study
            console.result(f"{name}  Dice {one.dice:.3f}  {one.seconds:.2f} s")
    if shown and not is_json:
        dice, seconds = fmean(one.dice for one in shown), fmean(one.seconds for one in shown)
        console.result(f"mean of {len(shown)}  Dice {dice:.3f}  {seconds:.2f} s an image")
    return shown


def score_shower(bar: console.Bar, is_json: bool) -> Callable[[StudyScore, int, int], None]:
    """What to call with each study's figures, its number, and the number of studies."""

    def show(score: StudyScore, number: int, total: int) -> None:
        bar.at(number, total)
        if is_json:
            values = {name: _known(score.mean(name)) for name in score.values}
            console.json_result(study=score.study, **values)
            return
        figures = "  ".join(f"{name} {score.mean(name):.4f}" for name in SHOWN_METRICS)
        console.result(f"{score.study}  {figures.replace('nan', 'unknown')}")

    return show


def show_summary(summary: Summary, is_json: bool) -> int:
    """Show the means and what could not be compared.

    Returns:
        The exit code: 0, or 3 if a reference, or a study of the split, was not compared.
    """
    if is_json:
        means = {name: _known(one.mean) for name, one in summary.means.items()}
        console.json_result(
            event="summary",
            **means,
            missing=summary.missing,
            without_truth=summary.without_truth,
            failed=dict(summary.failed),
        )
    else:
        for line in summary_table(summary):
            console.result(line)
    for finding in summary.findings:
        console.log(finding)
    for study, message in summary.failed.items():
        console.log(f"{study} could not be compared: {message}")
    not_even_predicted = sorted(set(summary.without_truth) - set(summary.unmatched))
    for names, what in (
        (summary.missing, "reference(s) have no prediction and are not in the means"),
        (summary.unmatched, "prediction(s) have no reference and are not in the means"),
        (not_even_predicted, "study(ies) of this split have neither a reference nor a prediction"),
    ):
        if names:
            some = ", ".join(names[:NAMED]) + (" ..." if names[NAMED:] else "")
            console.log(f"{len(names)} {what}: {some}.")
    return 0 if summary.is_complete else 3


def _show(result: StudyResult, said: Sequence[str]) -> None:
    """Show one result, without the warnings that were said before."""
    if result.error is not None:
        console.result(f"{result.study}  failed")
        console.log(f"{result.study}: {sentence(result.error)}")
    elif result.prediction is None:
        console.result(f"{result.study}  {result.mask_file}  done before")
    else:
        stated = f"quality {result.prediction.quality:.3f}"
        console.result(f"{result.study}  {result.mask_file}  {stated}  {result.seconds:.2f} s")
        _warn(result.study, [one for one in result.prediction.warnings if one not in said])


def _warn(study: str, warnings: Iterable[str]) -> None:
    for warning in warnings:
        console.log(f"{study}: {warning}")


def _values(result: StudyResult) -> dict[str, object]:
    found = result.prediction
    return {
        "study": result.study,
        "status": "failed" if result.error else "skipped" if result.is_skipped else "done",
        "mask": result.mask_file,
        "quality": None if found is None else found.quality,
        "warnings": [] if found is None else list(found.warnings),
        "message": None if result.error is None else sentence(result.error),
        "seconds": round(result.seconds, 3),
    }


def _exit_code(error: Exception | None) -> int:
    return error.exit_code if isinstance(error, MedSegDiffError) else 1


def _known(value: float) -> float | None:
    return value if value == value else None
