"""`medsegdiff models`."""

from __future__ import annotations

from medsegdiff.cli.options import Json


def models(is_json: Json = False) -> None:
    """List the bundled models."""
    from medsegdiff.cli import console
    from medsegdiff.engine.model_info import bundled_summaries

    found = list(bundled_summaries())
    if is_json:
        for facts in found:
            console.json_result(**facts)
        return
    rows = [[name.replace("_", " ") for name in found[0]]]
    rows += [[console.spelt(value) for value in facts.values()] for facts in found]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        console.result("  ".join(cells).rstrip())
