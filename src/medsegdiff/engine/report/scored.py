"""The report of an evaluation: how good the masks are, the worst study first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from medsegdiff.data.study_files import count_text
from medsegdiff.engine.report.commands import evaluate_command, predict_command
from medsegdiff.engine.report.contents import (
    Card,
    Cell,
    Column,
    Notice,
    Number,
    Page,
    Studies,
    StudyRow,
    Table,
    Text,
)
from medsegdiff.engine.report.facts import out_facts
from medsegdiff.engine.report.out_files import OutFiles
from medsegdiff.engine.report.score_charts import CALIBRATED, score_charts
from medsegdiff.engine.report.scores import MEAN, Scores
from medsegdiff.engine.report.studies import (
    Progress,
    outlined,
    picture_notice,
    warning_notice,
    with_pictures,
)
from medsegdiff.engine.report.study_pictures import StudyPictures
from medsegdiff.engine.report.wording import column, without_folders

LARGE = ("Dice", "NSD", "HD95")  # figures of the summary


def scored_page(
    files: OutFiles, pictures: StudyPictures, missing: Sequence[str], progress: Progress | None
) -> Page:
    """All that there is to say of an evaluation."""
    scores = Scores(files)
    rows, order = _rows(scores)
    cases = scores.content["metric_per_case"]
    masks = {case["study"]: files.out / _file_name(case) for case in cases}
    rows, parts = with_pictures(rows, masks, pictures, progress)
    mean = scores.interval("Dice")
    count = len(cases)
    return Page(
        title=f"Evaluation of {count} {'study' if count == 1 else 'studies'}",
        lead=_lead(mean, count),
        cards=_cards(scores),
        notices=[
            *_notices(scores),
            *picture_notice(pictures, missing, files),
            *warning_notice(rows),
        ],
        tables=_tables(scores),
        charts=score_charts(scores, order),
        studies=Studies(
            "Studies, worst Dice first",
            _columns(scores),
            rows,
            parts,
            outlined(pictures, parts),
        ),
        facts=out_facts(files),
        commands=[*_predicted(files), evaluate_command(files.evaluation)],
    )


def _lead(mean: Text, count: int) -> Text:
    """The figure that is asked for first."""
    brackets = ", 95 % interval in brackets" if len(mean) > 2 else ""
    return ("Mean Dice ", *mean, f"{brackets}, over {count_text(count)}.")


def _predicted(files: OutFiles) -> list[str]:
    return [predict_command(files.run_report.content)] if files.run_report.content else []


def _file_name(case: Mapping[str, Any]) -> str:
    return case["prediction_file"].replace("\\", "/").rsplit("/", 1)[-1]


def _cards(scores: Scores) -> list[Card]:
    cards = []
    for metric in LARGE:
        if metric in scores.metrics:
            mean, *rest = scores.interval(metric)
            assert isinstance(mean, Number)
            title = f"{column(metric).title}, mean"
            note = ("95 % interval ", *rest[1:-1]) if len(rest) > 1 else ("n = 1",) if rest else ()
            cards.append(Card(title, mean, note))
    if scores.content.get("calibration"):
        ece = scores.summary.number("calibration", "ECE", digits=4)
        band = scores.summary.number("calibration", "ECE_band", digits=4)
        cards.append(Card("ECE, all voxels", ece, ("near the structures ", band)))
    if scores.content.get("quality"):
        rho = scores.summary.number("quality", "spearman_with_dice", digits=2)
        count = scores.summary.number("quality", "n")
        cards.append(Card("Quality against Dice", rho, ("Spearman's rho, n = ", count)))
    return cards


def _notices(scores: Scores) -> list[Notice]:
    content, files = scores.content, scores.files
    failed = [f"{study}: {why}" for study, why in content.get("failed", {}).items()]
    drawn = [f"{one['study']}: {one['message']}" for one in files.failures]
    outdated = (
        "OUT/run_report.json has changed since the evaluation, so predict ran again. The figures "
        "may be those of other masks: repeat medsegdiff evaluate."
    )
    lines = (
        ("The evaluation is older than the masks", [outdated] if files.is_outdated else [], True),
        ("Could not be predicted", drawn, True),
        ("Could not be compared", failed, True),
        (
            "Without a prediction, and in no mean",
            content.get("missing_predictions", []),
            True,
        ),
        (
            "Without a true mask, and in no mean",
            _without_reference(content),
            False,
        ),
        ("To know", content.get("findings", []), False),
    )
    return [
        Notice(title, [without_folders(line, files.folders) for line in found], is_grave)
        for title, found, is_grave in lines
        if found
    ]


def _without_reference(content: Mapping[str, Any]) -> list[str]:
    """Predictions, and studies of the split, without a true mask; earlier files lack the latter."""
    keys = ("predictions_without_reference", "studies_without_reference")
    return sorted({study for key in keys for study in content.get(key, [])})


def _tables(scores: Scores) -> list[Table]:
    """Every figure: its mean over all structures, and for each of them if there are several."""
    several = scores.structures if len(scores.structures) > 1 else {}
    head = ["Figure", "Mean (95 % interval)", *several.values(), "Studies"]
    rows = [
        (
            (column(metric).title,),
            scores.interval(metric),
            *(scores.interval(metric, key) for key in several),
            (scores.summary.number("intervals_95", MEAN, metric, "n"),),
        )
        for metric in scores.metrics
    ]
    raters = list(scores.content.get("raters", {}))
    rows += [
        (
            (column(measure).title,),
            scores.interval(measure, place="raters"),
            *(("",) for _ in several),
            (scores.summary.number("raters", measure, "n"),),
        )
        for measure in raters
    ]
    meanings = [scores.meaning(one) for one in (*scores.metrics, *raters)]
    rule = scores.content.get("empty_mask_rule", "")
    return [Table("Figures", head, rows, rule, meanings), *_calibration(scores)]


def _calibration(scores: Scores) -> list[Table]:
    """Whether probabilities come true, in figures; nothing without probabilities."""
    if not scores.content.get("calibration"):
        return []
    columns = {"ece": "ECE", "brier": "Brier", "nll": "NLL (nats)", "voxels": "Voxels"}
    rows = [
        (
            (where,),
            *((scores.summary.number("calibration", part, one, digits=4),) for one in columns),
        )
        for where, part in CALIBRATED.items()
    ]
    return [Table("Calibration", ["Over", *columns.values()], rows)]


def _columns(scores: Scores) -> list[Column]:
    found = []
    for metric in scores.shown:
        words, unit = column(metric), scores.unit(metric)
        meaning = scores.meaning(metric)
        if len(scores.structures) > 1:
            meaning += "; sorted by the mean over the structures"
        found.append(Column(f"{words.title}, {unit}" if unit else words.title, meaning))
    return [*found, Column("Quality", "Dice that the model expects of its mask")]


def _rows(scores: Scores) -> tuple[list[StudyRow], dict[str, int]]:
    """The studies in their order, and the place of each."""
    cases = scores.content["metric_per_case"]
    known = [(scores.dice(case), index) for index, case in enumerate(cases)]
    ranked = sorted(known, key=lambda one: (math.isnan(one[0]), one[0], cases[one[1]]["study"]))
    rows = [_row(scores, index) for _, index in ranked]
    return rows, {row.study: place for place, row in enumerate(rows)}


def _row(scores: Scores, index: int) -> StudyRow:
    structures = scores.structures
    study = scores.content["metric_per_case"][index]["study"]
    cells = []
    for metric in scores.shown:
        lines = [
            (
                name if len(structures) > 1 else "",
                scores.number(
                    metric, "metric_per_case", index, "metrics", key, metric, is_short=True
                ),
            )
            for key, name in structures.items()
        ]
        cells.append(Cell(lines))
    cells.append(Cell([("", scores.quality(study))]))
    entry = scores.files.studies.get(scores.own_names[study], {})
    folders = scores.files.folders
    warnings = [without_folders(one, folders) for one in entry.get("warnings", [])]
    return StudyRow(study, cells, warnings)
