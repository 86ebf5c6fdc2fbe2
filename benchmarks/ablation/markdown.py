"""Tables as Markdown, and the generated parts of a page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from medsegdiff.metrics import Interval

from .plan import Grid
from .rows import Filled, Row

NONE = "–"


def section(grid: Grid, table: Filled, picture: str | None, split: str) -> str:
    """Everything that is generated of one table: how much is there, figures, picture, command."""
    parts = introduction(grid, table, split)
    begun = [data for data in table.sets if any(row.seeds(data) for row in table.rows)]
    for data in begun:
        if len(table.sets) > 1:
            parts.append(f"**{data}**")
        parts.append(figures(table, [data]))
    if missing := [data for data in table.sets if data not in begun]:
        parts.append(f"Nothing yet of {', '.join(missing)}.")
    there = [row for row in table.rows if any(map(row.seeds, table.sets))]
    complete = [data for data in begun if all(row.seeds(data) for row in there)]
    if len(table.sets) > 1 and complete:
        parts.append(f"**Mean over {len(complete)} of {len(table.sets)} sets**")
        parts.append(figures(table, complete))
    if table.left_out:
        parts.append("\n".join(f"- Left out: {one}" for one in table.left_out))
    if picture:
        parts.append(f"![Dice of each row with its 95 % interval]({picture})")
    return "\n\n".join(parts)


def introduction(grid: Grid, table: Filled, split: str) -> list[str]:
    """How much of a table is there, and what is to be known of it."""
    seeds = ", ".join(map(str, grid.seeds_of(table.table)))
    parts = [
        f"{table.finished} of {table.planned} planned runs are finished (seeds {seeds}; "
        f"{grid.minutes:g} minutes each, as steps; "
        f"{'validation' if split == 'val' else split} split).",
    ]
    if table.table.note:
        parts.append(table.table.note)
    if len(table.commits) > 1:
        parts.append(f"Trained at commits {', '.join(table.commits)}.")
    if table.outdated:
        parts.append(
            "Measured by an earlier harness, which gave the condition head and other ways to "
            "predict the temperature of the arm's own, and counted the comparing among the "
            f"seconds: {', '.join(table.outdated)}."
        )
    return parts


def figures(table: Filled, sets: Sequence[str]) -> str:
    """The rows as a Markdown table: means over the given data sets and the seeds all rows have."""
    table = table.shared()
    reference = table.reference
    heads = ["", "Dice (95 %)", f"minus {reference.label} (95 %)", "IoU", "HD95, px", "ECE"]
    heads += ["ECE at the edge", "s an image", "steps", "seeds"]
    each = [row.structures(sets) for row in table.rows if any(map(row.seeds, sets))]
    structures = each[0] if each and all(one == each[0] for one in each) else []
    has_raters = any(row.interval("ged2", sets) for row in table.rows)
    has_quality = any(row.trust(sets) is not None for row in table.rows)
    heads[2:2] = [name.capitalize() for name in structures]
    heads[1:1] = ["leakage"] if table.table.has_leakage else []
    heads[-3:-3] = ["ρ of quality"] if has_quality else []
    heads[-3:-3] = ["GED²", "HM-IoU"] if has_raters else []
    lines = [heads, ["---"] * len(heads)]
    for row in table.rows:
        cells = [
            row.label,
            *([number(row.leakage, 2)] if table.table.has_leakage else []),
            with_interval(row.interval("dice", sets)),
            *(mean(row, name, sets, 4) for name in structures),
            NONE if row is reference else with_interval(row.minus(reference, "dice", sets), "+"),
            mean(row, "iou", sets, 4),
            mean(row, "hd95", sets, 1),
            number(row.scalar("ece", sets), 4),
            number(row.scalar("ece_band", sets), 4),
            *([number(row.trust(sets), 2)] if has_quality else []),
            *([mean(row, one, sets, 4) for one in ("ged2", "hm_iou")] if has_raters else []),
            mean(row, "seconds", sets, 3),
            str(row.steps.get(sets[0], NONE)) if len(sets) == 1 else NONE,
            str(min((len(row.seeds(data)) for data in sets), default=0)),
        ]
        lines.append(cells)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def with_interval(value: Interval | None, sign: str = "") -> str:
    """A mean with its interval."""
    if value is None or value.count == 0:
        return NONE
    mean, low, high = (format(one, f"{sign}.4f") for one in (value.mean, value.low, value.high))
    return f"{mean} ({low} to {high})"


def mean(row: Row, name: str, sets: Sequence[str], digits: int) -> str:
    """The mean of a measure that each study has."""
    value = row.interval(name, sets)
    return number(None if value is None else value.mean, digits)


def number(value: float | None, digits: int) -> str:
    """A number, or a dash."""
    return NONE if value is None or value != value else f"{value:.{digits}f}"


def replaced(page: str, key: str, title: str, text: str) -> str:
    """Put a generated part between its marks; a part that is not there yet comes to the end.

    All else on the page is left as it is, so that people can write between the parts.
    """
    begin, end = f"<!-- {key}: generated -->", f"<!-- {key}: end -->"
    part = f"{begin}\n\n{text}\n\n{end}"
    if begin not in page:
        return f"{page.rstrip()}\n\n## {title}\n\n{part}\n"
    pattern = f"{re.escape(begin)}.*?{re.escape(end)}"
    return re.sub(pattern, lambda _: part, page, flags=re.DOTALL)


def read_page(path: Path, title: str) -> str:
    """The page as it is, or its first line."""
    return path.read_text(encoding="utf-8") if path.is_file() else f"# {title}\n"
