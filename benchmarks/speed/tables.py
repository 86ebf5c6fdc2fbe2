"""What was measured, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def page(found: dict[str, Any]) -> str:
    """All tables of a run."""
    machine, most = found["machine"], found["limits"]
    parts = [
        f"`{found['command']}` at commit {found['commit']}: {machine['processors']} processors "
        f"({machine['processor']}), "
        f"{machine['threads']} threads, {machine['device']}, "
        f"torch {machine['packages']['torch']}. In the same run the machine makes "
        f"{most['fp32_gflops']:.0f} GFLOP/s of float32 and {most['bf16_gflops']:.4g} of bfloat16 "
        f"in matrix products, and copies {most['copy_gb_per_s']:.1f} GB/s. Shares in brackets are "
        f"of the matrix product's speed. {of_how_many(found['rows'])}",
    ]
    groups: dict[tuple[int, str], list[Row]] = {}
    for row in found["rows"]:
        groups.setdefault((row["side"], row["precision"]), []).append(row)
    for (side, precision), rows in groups.items():
        parts.append(f"### {side} × {side}, {precision}")
        peak = most[f"{precision}_gflops"]
        parts.append(costs(rows, peak))
        parts.append(bounds(rows[0], peak, most["copy_gb_per_s"]))
        parts.append(predictions(rows))
    return "\n\n".join(parts) + "\n"


def of_how_many(rows: Sequence[Row]) -> str:
    """How many runs the figures are medians of."""
    counts = [runs for row in rows for runs in row["runs"].values()]
    several = sorted({one for one in counts if one > 1})
    number = f"{several[0]} to {several[-1]}" if len(several) > 1 else f"{several[0]}"
    text = f"Figures are medians of {number} runs"
    once = [
        f"the {part} of {row['name']} at {row['side']} in {row['precision']}"
        for row in rows
        for part, runs in row["runs"].items()
        if runs == 1
    ]
    return f"{text}; of a single one: {', '.join(once)}." if once else f"{text}."


def costs(rows: Sequence[Row], peak: float) -> str:
    """Size and speed of the parts; shares of the matrix product's speed."""
    heads = ["", "parameters, M", "look, GFLOP", "step, GFLOP", "look, s", "step of 1, s"]
    heads += ["step of 8, s", "MiB", "training, images/s"]
    lines = []
    for row in rows:
        looked, once = row["look_gflop"], row["step_gflop"]
        trained = row["train_gflop"] / row["batch"] * row["train_images_per_s"] / peak
        lines.append(
            [
                row["name"],
                f"{row['parameters'] / 1e6:.1f}",
                f"{looked:.2f}",
                f"{once:.2f}",
                of_peak(row["look_s"], looked, peak),
                of_peak(row["step_s"]["1"], once, peak),
                of_peak(row["step_s"]["8"], 8 * once, peak),
                "–" if row["memory_mib"] is None else f"{row['memory_mib']:.0f}",
                f"{row['train_images_per_s']:.2f} ({trained:.0%})",
            ]
        )
    return table(heads, lines)


def of_peak(seconds: float, gflop: float, peak: float) -> str:
    """Seconds, and the share of the matrix product's speed that they come to."""
    return f"{seconds:.3f} ({gflop / seconds / peak:.0%})" if gflop else f"{seconds:.3f}"


def bounds(row: Row, peak: float, copied: float) -> str:
    """What the parts of a contender take at least: products at their peak, the rest as a copy."""
    costs = {
        "look": (row["look_s"], row["look_gflop"], row["moved_gb"]["look"]),
        "step of 1": (row["step_s"]["1"], row["step_gflop"], row["moved_gb"]["step of 1"]),
        "step of 8": (row["step_s"]["8"], 8 * row["step_gflop"], row["moved_gb"]["step of 8"]),
        "training step": (
            row["batch"] / row["train_images_per_s"],
            row["train_gflop"],
            row["train_moved_gb"],
        ),
    }
    lines = []
    for part, (seconds, gflop, moved_gb) in costs.items():
        products, rest = gflop / peak, moved_gb / copied
        least = products + rest
        cells = [f"{1e3 * one:.1f}" for one in (seconds, products, rest, least)]
        lines.append([part, *cells, f"{least / seconds:.0%}"])
    heads = [row["name"], "ms", "products at the peak, ms", "all else as a copy, ms"]
    return table([*heads, "together, ms", "share of the measured"], lines)


def predictions(rows: Sequence[Row]) -> str:
    """Whole predictions: each in its own number of steps, then all in ours."""
    ours = rows[0]["own_steps"]
    heads = ["members", "", "own steps", "s", "ratio", f"s in {ours} steps", "ratio"]
    heads += ["measured whole, s"]
    lines = []
    for members in (one["members"] for one in rows[0]["predictions"]):
        best = seconds(rows[0], members, ours)
        for row in rows:
            own, equal = (seconds(row, members, number) for number in (row["own_steps"], ours))
            lines.append(
                [
                    str(members),
                    row["name"],
                    str(row["own_steps"]),
                    f"{own:.4g}",
                    f"{own / best:,.0f}" if own / best >= 10 else f"{own / best:.1f}",
                    f"{equal:.4g}",
                    f"{equal / best:.1f}",
                    f"{whole:.4g}" if (whole := row["whole_s"].get(str(members))) else "–",
                ]
            )
    return table(heads, lines)


def seconds(row: Row, members: int, steps: int) -> float:
    """Of a prediction."""
    return next(
        one["s"]
        for one in row["predictions"]
        if one["members"] == members and one["steps"] == steps
    )


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    every = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in every)
