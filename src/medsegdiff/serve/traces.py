"""Where an error arose, for the log."""

from __future__ import annotations

import traceback


def frames(error: BaseException) -> str:
    """Kind and places of an error without its message, which may name a patient."""
    found = traceback.extract_tb(error.__traceback__)
    places = (f"{frame.filename}:{frame.lineno} {frame.name}" for frame in found)
    return " | ".join((type(error).__name__, *places))
