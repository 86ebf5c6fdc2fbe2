"""The answer in a paragraph: what an ensemble takes, and how much longer others take."""

from __future__ import annotations

from typing import Any

from speed.tables import seconds

MEMBERS, SIDE, TRAINING_SIDE = 25, 256, 128
PEER = "med-seg-diff-pytorch"
NAMES = {"fp32": "float32", "bf16": "bfloat16"}


def rough(number: float) -> str:
    """A number with two digits that count, for what is computed from few runs."""
    return f"{float(f'{number:.2g}'):,.0f}"


def summary(found: dict[str, Any]) -> str:
    """Our prediction in each precision, and the peer's, whose own precision is float32."""
    rows = {(row["name"], row["side"], row["precision"]): row for row in found["rows"]}
    ours = {p: rows["medsegdiff", SIDE, p] for p in NAMES if ("medsegdiff", SIDE, p) in rows}
    peer, machine = rows[PEER, SIDE, "fp32"], found["machine"]
    steps = ours["fp32"]["own_steps"]
    lines = [
        f"An ensemble of {MEMBERS} masks at {SIDE} × {SIDE}, with its uncertainty, on "
        f"{machine['threads']} threads of an {machine['processor']}:"
    ]
    for precision, row in ours.items():
        whole = row["whole_s"][str(MEMBERS)]
        own, equal = (seconds(peer, MEMBERS, n) / whole for n in (peer["own_steps"], steps))
        lines.append(
            f"- {whole:.2f} s in {NAMES[precision]}, measured whole. `{PEER}`, in float32 as it is "
            f"shipped, would take {rough(own)} times as long in its {peer['own_steps']} steps and "
            f"{rough(equal)} times in {steps}, from what its steps take."
        )
    for precision, row in ours.items():
        mine, theirs = (
            rows[name, TRAINING_SIDE, precision]["train_images_per_s"]
            for name in (row["name"], PEER)
        )
        lines.append(
            f"- Training at {TRAINING_SIDE} × {TRAINING_SIDE} in {NAMES[precision]}, batch "
            f"{row['batch']}: {mine:.1f} images/s, {mine / theirs:.1f} times those of `{PEER}`."
        )
    return "\n\n".join([lines[0], "\n".join(lines[1:])])
