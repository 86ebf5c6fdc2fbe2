"""`medsegdiff models`."""

from __future__ import annotations

from medsegdiff.cli.options import Json


def models(is_json: Json = False) -> None:
    """List the bundled models."""
    from medsegdiff.cli import console
    from medsegdiff.engine.model_info import bundled_summaries

    for facts in bundled_summaries():
        if is_json:
            console.json_result(**facts)
        else:
            console.result("  ".join(console.spelt(value) for value in facts.values()))
