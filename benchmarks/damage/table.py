"""What came out of a run, as a table by format and the figures beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from damage.odd import VALID
from damage.verdict import CRASH, REFUSED, RIGHT, UNDETECTED, Verdict

HEAD = "| format | files | refused | read rightly | undetected | crashed | slowest, s | most, MB |"
RULE = "|---|---|---|---|---|---|---|---|"


def summary(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Counts by format and by kind of damage, why damage went undetected, and every fault."""
    harmed = [one for one in verdicts if one.kind != VALID]
    valid = [one for one in verdicts if one.kind == VALID]
    formats = dict.fromkeys(one.format for one in harmed)
    kinds = dict.fromkeys(one.kind for one in harmed)
    return {
        "files": len(verdicts),
        "different": len({(one.format, one.kind, one.where) for one in verdicts}),
        "by_format": {
            name: _counts(one for one in harmed if one.format == name) for name in formats
        },
        "by_kind": {name: _counts(one for one in harmed if one.kind == name) for name in kinds},
        "valid": _counts(valid),
        "all": _counts(harmed),
        "undetected": _undetected(harmed),
        "faults": [_fault(one) for one in verdicts if one.faults],
    }


def _counts(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    listed = list(verdicts)
    outcomes = Counter(one.outcome for one in listed)
    return {
        "files": len(listed),
        **{name: outcomes[name] for name in (REFUSED, RIGHT, UNDETECTED, CRASH)},
        "slowest_seconds": max((one.seconds for one in listed), default=0.0),
        "most_megabytes": max((one.megabytes for one in listed), default=0.0),
    }


def _undetected(verdicts: Sequence[Verdict]) -> dict[str, dict[str, int]]:
    """By reason, by format, how many."""
    found: dict[str, Counter[str]] = {}
    for one in verdicts:
        if one.outcome == UNDETECTED:
            found.setdefault(one.reason or "no reason: a fault", Counter())[one.format] += 1
    return {reason: dict(formats) for reason, formats in found.items()}


def _fault(one: Verdict) -> dict[str, Any]:
    return {
        "number": one.number,
        "file": f"{one.format}: {one.kind}: {one.where}",
        "faults": list(one.faults),
        "text": one.text,
    }


def markdown(figures: dict[str, Any], command: str) -> str:
    """The page's table, from `summary`."""
    lines = [
        f"{figures['files']} files, {figures['different']} of them different: `{command}`",
        "",
        HEAD,
        RULE,
    ]
    lines += [_row(name, counts) for name, counts in figures["by_format"].items()]
    lines += [_row("**all**", figures["all"])]
    lines += ["", HEAD.replace("format", "damage"), RULE]
    lines += [_row(name, counts) for name, counts in figures["by_kind"].items()]
    lines += [_row(f"*{VALID}*", figures["valid"])]
    lines += ["", "### Undetected, and why", ""]
    for reason, formats in figures["undetected"].items():
        counted = ", ".join(f"{name} {count}" for name, count in formats.items())
        lines.append(f"- {reason}: {sum(formats.values())} ({counted})")
    lines += ["", f"Outcomes other than they must be: {len(figures['faults'])}."]
    lines += [f"- {one['file']}: {'; '.join(one['faults'])}" for one in figures["faults"]]
    return "\n".join(lines) + "\n"


def _row(name: str, counts: dict[str, Any]) -> str:
    numbers = [counts[key] for key in ("files", REFUSED, RIGHT, UNDETECTED, CRASH)]
    seconds, megabytes = counts["slowest_seconds"], counts["most_megabytes"]
    return f"| {name} | {' | '.join(map(str, numbers))} | {seconds:.2f} | {megabytes:.0f} |"
