"""What differs between the settings of two predictions, in words of the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

ON_OFF = {True: "on", False: "off"}
SPELT = {
    "version": "the version of the program",
    "weights_hash": "the hash of the weights",
    "extras.probabilities": "--save-probabilities",
    "extras.uncertainty": "--save-uncertainty",
    "extras.members": "--save-members",
    "extras.previews": "--preview",
    "predict.members": "--members",
    "predict.sampler.steps": "--steps",
    "predict.sampler.name": "--sampler",
    "predict.seed": "--seed",
}


def changes(then: Any, now: Any, path: str = "") -> Iterator[str]:
    """Each value that differs, as it is given and with what it was and is.

    Args:
        then: settings as JSON values.
        now: the others.
        path: keys that lead to them, joined by dots.
    """
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in sorted(then.keys() | now.keys()):
            yield from changes(then.get(key), now.get(key), f"{path}.{key}" if path else key)
    elif then != now:
        was, is_now = (
            ON_OFF.get(one, one) if isinstance(one, bool) else one for one in (then, now)
        )
        yield f"{SPELT.get(path, path)} was {was} and is {is_now}"
