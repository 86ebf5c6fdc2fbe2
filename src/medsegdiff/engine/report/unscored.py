"""The report of masks without a truth: what was drawn, the most doubtful study first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from medsegdiff.engine.report import charts
from medsegdiff.engine.report.commands import predict_command
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
)
from medsegdiff.engine.report.facts import out_facts
from medsegdiff.engine.report.out_files import OutFiles
from medsegdiff.engine.report.studies import (
    Progress,
    mask_files,
    outlined,
    picture_notice,
    warning_notice,
    with_pictures,
)
from medsegdiff.engine.report.study_pictures import StudyPictures
from medsegdiff.engine.report.wording import without_folders

SIZES = {  # the first that is known of any study is shown: title, unit, digits
    "volume_ml": ("Volume", "ml", 2),
    "area_mm2": ("Area", "mm²", 1),
    "share_of_image": ("Share of the image", "0 to 1", 3),
}
WITHOUT_TRUTH = (
    "No true masks were compared. Quality is the Dice that the model expects of its own masks, by "
    "its probabilities. With true masks, medsegdiff evaluate -gt TRUTH -p OUT adds figures."
)


def unscored_page(
    files: OutFiles, pictures: StudyPictures, missing: Sequence[str], progress: Progress | None
) -> Page:
    """All that there is to say of masks that nothing was compared with."""
    statistics = files.statistics.content
    size = _size(statistics)
    ordered = sorted(statistics, key=lambda study: _doubt(statistics[study], study))
    rows = [_row(files, study, size) for study in ordered]
    rows, parts = with_pictures(rows, mask_files(files.out, ordered), pictures, progress)
    count = files.run_report.number("n_done")
    return Page(
        title=f"Masks of {len(rows)} {'study' if len(rows) == 1 else 'studies'}",
        lead=(WITHOUT_TRUTH,),
        cards=[Card("Studies with a mask", count), *_cards(files)],
        notices=[
            *_notices(files),
            *picture_notice(pictures, missing, files),
            *warning_notice(rows),
        ],
        charts=_charts(statistics, size),
        studies=Studies(
            "Studies, most doubtful first",
            _columns(size),
            rows,
            parts,
            outlined(pictures, parts),
        ),
        facts=out_facts(files),
        commands=[predict_command(files.run_report.content)],
    )


def structures(entry: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Figures of what is drawn in a study, by name, and the key that they stand under."""
    key = "regions" if entry.get("regions") else "classes"
    return key, entry.get(key, {})


def _doubt(entry: Mapping[str, Any], study: str) -> tuple[float, float, str]:
    """Least quality first; where it is not known, most uncertainty."""
    quality, inside = entry.get("quality"), entry.get("mean_uncertainty_inside_nats")
    return (1.0 if quality is None else quality, -(inside or 0.0), study)


def _size(statistics: Mapping[str, Any]) -> str:
    """How sizes are given: in ml, in mm², or as a share of the image."""
    known = {
        key
        for entry in statistics.values()
        for one in structures(entry)[1].values()
        for key in SIZES
        if one.get(key) is not None
    }
    return next((key for key in SIZES if key in known), "share_of_image")


def _cards(files: OutFiles) -> list[Card]:
    entries = files.statistics.content.values()
    quality = [one["quality"] for one in entries if one.get("quality") is not None]
    empty = sum(
        not any(one["n_voxels"] for one in structures(entry)[1].values()) for entry in entries
    )
    warned = sum(bool(one.get("warnings")) for one in files.studies.values())
    expected = []
    if quality:
        note = (f"of {len(quality)} studies",)
        expected.append(Card("Quality, mean", Number(fmean(quality)), note))
    return [
        Card("Without a mask", files.run_report.number("n_failed"), ("failed",)),
        *expected,
        Card("Empty masks", Number(empty)),
        Card("With a warning", Number(warned)),
    ]


def _notices(files: OutFiles) -> list[Notice]:
    failed = [f"{one['study']}: {one['message']}" for one in files.failures]
    unfinished = (
        []
        if files.run_report.content.get("is_finished", True)
        else ["The prediction was stopped before its last study: repeat it with --continue."]
    )
    found = (("Could not be predicted", failed), ("Not finished", unfinished))
    return [
        Notice(title, [without_folders(line, files.folders) for line in lines], is_grave=True)
        for title, lines in found
        if lines
    ]


def _charts(statistics: Mapping[str, Any], size: str) -> list[Chart]:
    found = []
    quality = [one["quality"] for one in statistics.values() if one.get("quality") is not None]
    if quality:
        caption = ("The Dice that the model expects of each mask, by its probabilities.",)
        drawn = charts.share_histogram(quality, "quality", kind="c2", is_cut=True)
        found.append(Chart("Quality", drawn, caption))
    title, unit, _ = SIZES[size]
    names = dict.fromkeys(name for one in statistics.values() for name in structures(one)[1])
    for number, name in enumerate(names):
        entries = [structures(one)[1].get(name, {}) for one in statistics.values()]
        values = [one[size] for one in entries if one.get(size) is not None]
        drawn = charts.size_histogram(values, title.lower(), unit, f"c{number % 7 + 1}")
        found.append(Chart(f"{title} of {name}", drawn, (f"Of {len(values)} studies.",)))
    return found


def _columns(size: str) -> list[Column]:
    title, unit, _ = SIZES[size]
    return [
        Column("Quality", "Dice that the model expects of its mask"),
        Column(f"{title}, {unit}"),
        Column("Pieces", "connected pieces of the mask"),
        Column("Uncertainty inside, nats", "mean predictive entropy within the mask"),
    ]


def _row(files: OutFiles, study: str, size: str) -> StudyRow:
    entry = files.statistics.content[study]
    key, drawn = structures(entry)
    several = len(drawn) > 1

    def cell(figure: str, digits: int = 3) -> Cell:
        return Cell(
            [
                (
                    name if several else "",
                    files.statistics.number(study, key, name, figure, digits=digits),
                )
                for name in drawn
            ]
        )

    own = files.statistics.number
    warnings = [without_folders(one, files.folders) for one in entry.get("warnings", [])]
    cells = [
        Cell([("", own(study, "quality"))]),
        cell(size, SIZES[size][2]),
        cell("n_pieces"),
        Cell([("", own(study, "mean_uncertainty_inside_nats"))]),
    ]
    return StudyRow(study, cells, warnings)
