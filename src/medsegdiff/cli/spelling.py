"""Spellings of other programs: underscores are hyphens, one hyphen is as good as two."""

from __future__ import annotations

from collections.abc import Collection, Sequence

ALIASES = {  # nnU-Net's names, by verb
    "train": {"--c": ("--resume", "auto"), "--continue-training": ("--resume", "auto")},
    "predict": {
        "--c": ("--continue",),
        "--continue-prediction": ("--continue",),
        "--save-probability": ("--save-probabilities",),
    },
}


def normalised(verb: str, words: Sequence[str], known: Collection[str]) -> list[str]:
    """The words of a command line in our own spelling.

    Args:
        verb: the sub-command.
        words: what follows it.
        known: its options, such as "--save-probabilities" and "-o".
    """
    result: list[str] = []
    for place, word in enumerate(words):
        if word == "--":
            return [*result, *words[place:]]
        result += _respelt(verb, word, known)
    return result


def _respelt(verb: str, word: str, known: Collection[str]) -> tuple[str, ...]:
    name, equals, value = word.partition("=")
    if not name.startswith("-") or len(name) < 3 or name in known:
        return (word,)
    long = "--" + name.lstrip("-").replace("_", "-")
    ours = ALIASES.get(verb, {}).get(long, (long,) if long in known else None)
    if ours is None:
        return (word,)
    return (*ours[:-1], ours[-1] + equals + value)
