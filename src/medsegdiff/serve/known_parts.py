"""What the page says of parts that torch comes with, said without them; a test compares."""

from __future__ import annotations

from importlib.metadata import entry_points

from medsegdiff.component import ENTRY_POINT_GROUP

COLOURS = (
    *("#00e5ff", "#ffb000", "#ff40be", "#78ff50", "#fff042", "#ff5e28", "#6e82ff"),
    *("#00b487", "#ffb4b4", "#af7314", "#a532e1", "#cd3250", "#8c9600", "#d2c3ff"),
)
FUSIONS = {"mean": False, "staple": True, "vote": False}  # by name; whether it needs whole masks


def class_colour(index: int) -> str:
    """The colour of a class as #rrggbb; the background's is black."""
    return "#000000" if index == 0 else COLOURS[(index - 1) % len(COLOURS)]


def are_all_known() -> bool:
    """Whether no other package brings parts, which only a worker can tell."""
    return not entry_points(group=ENTRY_POINT_GROUP)
