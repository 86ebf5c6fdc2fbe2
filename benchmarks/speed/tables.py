"""What was measured, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def page(found: dict[str, Any]) -> str:
    """All tables of a run."""
    machine, most = found["machine"], found["limits"]
    parts = [
        f"`{found['command']}` at commit {found['commit']}: {machine['processors']} processors, "
        f"{machine['threads']} threads, {machine['device']}, "
        f"torch {machine['packages']['torch']}. In the same run the machine makes "
        f"{most['fp32_gflops']:.0f} GFLOP/s of float32 and {most['bf16_gflops']:.0f} of bfloat16 "
        f"in matrix products, and copies {most['copy_gb_per_s']:.1f} GB/s.",
    ]
    groups: dict[tuple[int, str], list[Row]] = {}
    for row in found["rows"]:
        groups.setdefault((row["side"], row["precision"]), []).append(row)
    for (side, precision), rows in groups.items():
        parts.append(f"### {side} × {side}, {precision}")
        parts.append(costs(rows, most[f"{precision}_gflops"]))
        parts.append(predictions(rows))
    return "\n\n".join(parts) + "\n"


def costs(rows: Sequence[Row], peak: float) -> str:
    """Size and speed of the parts; shares of the matrix product's speed."""
    heads = ["", "parameters, M", "look, GFLOP", "step, GFLOP", "look, s", "step of 1, s"]
    heads += ["step of 8, s", "of the peak", "MiB", "training, images/s", "of the peak"]
    lines = []
    for row in rows:
        eight, speed = row["step_s"][8], row["train_images_per_s"]
        lines.append(
            [
                row["name"],
                f"{row['parameters'] / 1e6:.1f}",
                f"{row['look_gflop']:.2f}",
                f"{row['step_gflop']:.2f}",
                f"{row['look_s']:.3f}",
                f"{row['step_s'][1]:.3f}",
                f"{eight:.3f}",
                f"{8 * row['step_gflop'] / eight / peak:.0%}",
                "–" if row["memory_mib"] is None else f"{row['memory_mib']:.0f}",
                f"{speed:.2f}",
                f"{speed * row['train_gflop'] / row['batch'] / peak:.0%}",
            ]
        )
    return table(heads, lines)


def predictions(rows: Sequence[Row]) -> str:
    """Whole predictions: each in its own number of steps, then all in ours."""
    ours = rows[0]["own_steps"]
    heads = ["members", "", "own steps", "s", "ratio", f"s in {ours} steps", "ratio"]
    lines = []
    for members in (one["members"] for one in rows[0]["predictions"]):
        best = seconds(rows[0], members, ours)
        for row in rows:
            own, equal = (
                seconds(row, members, row["own_steps"]),
                seconds(row, members, ours),
            )
            lines.append(
                [
                    str(members),
                    row["name"],
                    str(row["own_steps"]),
                    f"{own:.4g}",
                    f"{own / best:,.0f}" if own / best >= 10 else f"{own / best:.1f}",
                    f"{equal:.4g}",
                    f"{equal / best:.1f}",
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
