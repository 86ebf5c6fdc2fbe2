"""The plots of an evaluation: Dice, reliability, and what the quality is worth."""

from __future__ import annotations

from collections.abc import Mapping

from medsegdiff.engine.report import charts
from medsegdiff.engine.report.contents import Chart
from medsegdiff.engine.report.scores import Scores

CALIBRATED = {"all voxels": "everywhere", "near the structures": "band_of_10_voxels"}


def score_charts(scores: Scores, order: Mapping[str, int]) -> list[Chart]:
    """All plots of an evaluation.

    Args:
        scores: the evaluation.
        order: place of each study in the table, which points lead to.
    """
    found = [_distribution(scores, key, name) for key, name in scores.structures.items()]
    return [*found, *_reliability(scores), *_trust(scores, order)]


def _distribution(scores: Scores, key: str, name: str) -> Chart:
    place = scores.content["intervals_95"][key]["Dice"]
    known = None if place["mean"] is None else (place["mean"], place["low"], place["high"])
    is_single = place["n"] == 1  # which has no interval
    number = list(scores.structures).index(key) + 1
    drawn = charts.share_histogram(
        scores.values("Dice", key),
        f"Dice of {name}",
        (place["mean"], None, None) if is_single else known,
        f"c{(number - 1) % 7 + 1}",
    )
    band = "." if is_single else "; band: its 95 % interval."
    caption = ("Line: the mean, ", *scores.interval("Dice", key), band)
    return Chart(f"Dice of {name}", drawn, caption)


def _reliability(scores: Scores) -> list[Chart]:
    """Whether probabilities come true, where there are any."""
    calibration, found = scores.content.get("calibration") or {}, []
    for where, part in CALIBRATED.items() if calibration else ():
        ece = scores.summary.number("calibration", part, "ece", digits=4)
        caption = (
            "Bars that end on the dashed line: probabilities that come true. Orange: share of the "
            "voxels. ECE ",
            *(ece, "."),
        )
        drawn = charts.reliability(calibration[part], where)
        found.append(Chart(f"Reliability, {where}", drawn, caption))
    return found


def _trust(scores: Scores, order: Mapping[str, int]) -> list[Chart]:
    """What the quality is worth, where there is one."""
    known = scores.content.get("quality")
    if not known:
        return []
    cases = {case["study"]: scores.dice(case) for case in scores.content["metric_per_case"]}
    points = [
        (quality, dice, study, f"s{order[study]}")
        for study, dice in cases.items()
        if (quality := scores.quality(study).value) is not None
    ]
    rho = scores.summary.number("quality", "spearman_with_dice", digits=2)
    count = scores.summary.number("quality", "n")
    area, chance, best = (
        scores.summary.number("quality", "risk_coverage", one, digits=4)
        for one in ("area", "chance_area", "best_area")
    )
    found = []
    if points:
        caption = (
            "Quality is the Dice that the model expects of its mask. Spearman's rho ",
            *(rho, " (n = ", count, "). A point leads to its study."),
        )
        found.append(Chart("Quality against true Dice", charts.scatter(points), caption))
    caption = (
        "Error of the studies kept, those of least quality left out first. Area ",
        *(area, "; by chance (dashed) ", chance, "; best possible ", best, "."),
    )
    drawn = charts.risk_coverage(known["risk_coverage"])
    return [*found, Chart("Risk against coverage", drawn, caption)]
