"""The report of a training: curves, validation, settings and data of a RUN folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup
from PIL import Image

import medsegdiff
from medsegdiff.engine.report import charts
from medsegdiff.engine.report.commands import train_command
from medsegdiff.engine.report.contents import (
    Card,
    Cell,
    Chart,
    Column,
    Notice,
    Number,
    Page,
    Studies,
    StudyRow,
    Table,
    Text,
)
from medsegdiff.engine.report.fold_files import FoldFiles
from medsegdiff.engine.report.out_files import read_json
from medsegdiff.engine.report.thumbnails import as_jpeg, as_uri
from medsegdiff.engine.report.wording import flattened, spelt
from medsegdiff.errors import DataError

WIDEST = 1400  # pixels of a picture
DESCRIBED = {  # files that say what a run is made of
    "Data": "dataset_fingerprint.json",
    "Machine": "environment.json",
    "Settings": "config.json",
}


def run_page(run: Path) -> Page:
    """All that there is to say of a training.

    Raises:
        DataError: it has not taken a step yet, or a file is damaged.
    """
    folds = [FoldFiles.read(folder) for folder in sorted(run.glob("fold_*")) if folder.is_dir()]
    if not any(fold.log for fold in folds):
        raise DataError(
            f"{run} has no metrics.jsonl with a step in it. Train first: medsegdiff train DATA -o "
            f"{run}."
        )
    described = {title: flattened(read_json(run / name)) for title, name in DESCRIBED.items()}
    return Page(
        title=f"Training of {len(folds)} {'fold' if len(folds) == 1 else 'folds'}",
        lead=_lead(folds),
        cards=[card for fold in folds for card in _cards(fold, len(folds) > 1)],
        notices=_notices(folds),
        tables=[_table(folds)],
        charts=[chart for fold in folds for chart in _charts(fold, len(folds) > 1)],
        studies=_studies(folds),
        facts={
            "Report": {"medsegdiff": medsegdiff.__version__},
            **{title: facts for title, facts in described.items() if facts},
        },
        commands=[train_command(fold.name) for fold in folds],
    )


def _lead(folds: Sequence[FoldFiles]) -> Text:
    states = ", ".join(f"fold {fold.name} {fold.state}" for fold in folds)
    return (
        f"{states[0].upper()}{states[1:]}. Dice is that of the validation studies, not of a test.",
    )


def _cards(fold: FoldFiles, is_named: bool) -> list[Card]:
    where = f", fold {fold.name}" if is_named else ""
    cards = []
    if fold.validation.content:
        step = fold.validation.number("step")
        studies = len(fold.validation.content.get("studies", {}))
        note = (f"of {studies} studies, best weights, step ", step)
        cards.append(Card(f"Validation Dice{where}", fold.validation.number("dice"), note))
    elif fold.dice:
        step, best = max(fold.dice, key=lambda one: one[1])
        cards.append(Card(f"Best validation Dice so far{where}", Number(best), (f"step {step}",)))
    if fold.log:
        seconds = [line["seconds"] for line in fold.log if "seconds" in line]
        took = (f"{seconds[-1] / 60:.0f} min",) if seconds else ()
        cards.append(Card(f"Steps{where}", Number(fold.log[-1]["step"]), took))
    if fold.calibration.content:
        after = fold.calibration.number("after", "ece", digits=4)
        before = fold.calibration.number("before", "ece", digits=4)
        note = ("near the structures; before calibration ", before)
        cards.append(Card(f"ECE on validation{where}", after, note))
    return cards


def _notices(folds: Sequence[FoldFiles]) -> list[Notice]:
    lines = []
    for fold in folds:
        lost = [line["step"] for line in fold.log if "loss" in line and line["loss"] is None]
        if lost:
            steps = ", ".join(map(str, lost[:20])) + (" …" if lost[20:] else "")
            lines.append(
                f"Fold {fold.name}: the loss was not finite in {len(lost)} steps: {steps}."
            )
    return [Notice("Steps without a loss", lines, is_grave=True)] if lines else []


def _table(folds: Sequence[FoldFiles]) -> Table:
    head = ["Fold", "Validation Dice", "Step", "Threshold", "Temperature", "State"]
    rows = []
    for fold in folds:
        dice, step, threshold, temperature = (
            fold.validation.number(key, digits=digits)
            for key, digits in (("dice", 4), ("step", 0), ("threshold", 2), ("temperature", 3))
        )
        rows.append(((fold.name,), (dice,), (step,), (threshold,), (temperature,), (fold.state,)))
    return Table("Validation of the best weights", head, rows, _rule(folds))


def _rule(folds: Sequence[FoldFiles]) -> str:
    rules = {spelt(fold.validation.content["rule"]) for fold in folds if fold.validation.content}
    return " ".join(sorted(rules))


def _charts(fold: FoldFiles, is_named: bool) -> list[Chart]:
    where = f", fold {fold.name}" if is_named else ""
    found = []
    if fold.losses:
        drawn = charts.training_curve(fold.losses, "loss (no unit)")
        found.append(Chart(f"Training loss{where}", drawn, ("Means over short stretches.",)))
    if fold.dice:
        best = max(fold.dice, key=lambda one: one[1])
        drawn = charts.training_curve(fold.dice, "Dice (0 to 1)", 1.0, best)
        caption = (
            f"During training, on a part of the validation studies; best {best[1]:.4f} at step "
            f"{best[0]}.",
        )
        found.append(Chart(f"Validation Dice{where}", drawn, caption))
    per_study = list(fold.validation.content.get("studies", {}).values())
    if per_study:
        drawn = charts.share_histogram(per_study, "Dice")
        caption = (f"Of {len(per_study)} validation studies, best weights.",)
        found.append(Chart(f"Dice of the studies{where}", drawn, caption))
    return [*found, *_newest_picture(fold, where)]


def _newest_picture(fold: FoldFiles, where: str) -> list[Chart]:
    """Truth, prediction and uncertainty of some validation studies, as drawn last."""
    files = sorted((fold.folder / "samples").glob("step_*.png"))
    if not files:
        return []
    with Image.open(files[-1]) as stored:
        shown = stored.convert("RGB")
    shown.thumbnail((WIDEST, WIDEST))
    drawn = Markup('<img class="sheet" src="{}" alt="{}" width="{}" height="{}">').format(
        as_uri(as_jpeg(shown, 85)), "Validation studies with outlines", *shown.size
    )
    step = int(files[-1].stem.removeprefix("step_"))
    caption = (f"Step {step}. White: truth; colour: prediction; beside it the uncertainty.",)
    return [Chart(f"Validation studies{where}", drawn, caption, is_wide=True)]


def _studies(folds: Sequence[FoldFiles]) -> Studies | None:
    """Dice of every validation study; each is validated in one fold."""
    rows = [
        StudyRow(study, [Cell([("", fold.validation.number("studies", study))])])
        for fold in folds
        for study in fold.validation.content.get("studies", {})
    ]
    if not rows:
        return None
    ordered = sorted(rows, key=lambda row: (row.cells[0].sorted_by or 0.0, row.study))
    title = "Validation studies, worst Dice first"
    return Studies(title, [Column("Dice", "mean over classes")], ordered)
