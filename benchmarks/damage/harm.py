"""What befalls files of any format: copies that stop, bits that flip, blocks that vanish."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from damage.sound import MAKERS, sound
from damage.study import Damaged, Expected, Span, Study

Harm = Callable[[Study, np.random.Generator], Damaged]
NO_MAGIC = "a raw file of the right size says nothing of itself"
LONGEST_HOLE = 512  # bytes, a sector


def truncated(study: Study, rng: np.random.Generator) -> Damaged:
    """Stop somewhere in a part chosen at random, or before the last byte."""
    name, span = _place(study, rng)
    content = study.content(name)
    stop = len(content) - 1 if rng.random() < 0.2 else int(rng.integers(span.start, span.stop))
    where = f"{name} ends after byte {stop} of {len(content)}"
    return Damaged(study.with_file(content[:stop], name), "truncated", where, Expected.REFUSED)


def flipped(study: Study, rng: np.random.Generator) -> Damaged:
    """Turn round one to eight bits of one part."""
    name, span = _place(study, rng)
    content = bytearray(study.content(name))
    places = rng.integers(span.start, span.stop, rng.integers(1, 9)).tolist()
    for place in places:
        content[place] ^= 1 << int(rng.integers(8))
    where = f"{name}, {span.name}, bytes {sorted(set(places))}"
    return _marked(study.with_file(bytes(content), name), "bits flipped", where, span)


def holed(study: Study, rng: np.random.Generator) -> Damaged:
    """Replace a run of bytes by zeros, as a lost block of a disk or a download does."""
    name, span = _place(study, rng)
    content = bytearray(study.content(name))
    start = int(rng.integers(span.start, span.stop))
    stop = min(span.stop, start + int(rng.integers(1, LONGEST_HOLE)))
    content[start:stop] = bytes(stop - start)
    where = f"{name}, {span.name}, zeros from byte {start} to {stop}"
    return _marked(study.with_file(bytes(content), name), "hole of zeros", where, span)


def shortened(study: Study, rng: np.random.Generator) -> Damaged:
    """Lose a few bytes in the middle, so that everything after them moves."""
    name, span = _place(study, rng)
    content = study.content(name)
    start = int(rng.integers(span.start, span.stop))
    stop = min(span.stop, start + int(rng.integers(1, 5)))
    after = study.with_file(content[:start] + content[stop:], name)
    where = f"{name}, {span.name}, bytes {start} to {stop} are gone"
    if span.name in ("voxels", "pixels"):
        return Damaged(after, "bytes lost", where, Expected.REFUSED)
    return _marked(after, "bytes lost", where, span)


def sent_as_text(study: Study, rng: np.random.Generator) -> Damaged:
    """Turn every line feed into two bytes, as a transfer in text mode does."""
    name = str(rng.choice(sorted(study.spans)))
    content = study.content(name).replace(b"\n", b"\r\n")
    unchecked = next((span.unchecked for span in study.spans[name] if span.unchecked), "")
    is_textual = study.format.startswith(("nrrd", "mha", "mhd"))
    span = Span("line ends", 0, len(content), "" if is_textual else unchecked)
    return _marked(study.with_file(content, name), "sent as text", f"{name}, every line end", span)


def appended(study: Study, rng: np.random.Generator) -> Damaged:
    """Add bytes behind the end."""
    name = str(rng.choice(sorted(study.spans)))
    junk = rng.bytes(int(rng.integers(1, 300)))
    if rng.random() < 0.3:
        junk = bytes(len(junk))
    after = study.with_file(study.content(name) + junk, name)
    where = f"{name}, {len(junk)} bytes of {'junk' if any(junk) else 'zeros'} behind its end"
    return Damaged(after, "junk appended", where, Expected.NEVER_WRONG)


def misnamed(study: Study, rng: np.random.Generator) -> Damaged:
    """Put the content of another format under the name."""
    name = str(rng.choice(sorted(study.spans)))
    others = [kind for kind in MAKERS if not _is_alike(kind, study.format)]
    other = sound(str(rng.choice(others)))
    content = other.content(sorted(other.spans)[0])
    where = f"{name} holds the content of {other.format}"
    return Damaged(study.with_file(content, name), "wrong ending", where, Expected.REFUSED)


def without_content(study: Study, rng: np.random.Generator) -> Damaged:
    """Leave an empty file, a folder, a link that leads nowhere or round in a circle, or text."""
    name = str(rng.choice(sorted(study.spans)))
    contents = {
        "is empty": b"",
        "is a folder": None,
        "is a link to nothing": Path("gone"),
        "is a link to itself": Path(name),
        "is a web page": b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n",
        "is all zeros": bytes(len(study.content(name))),
        "is random": rng.bytes(len(study.content(name))),
    }
    what = str(rng.choice(list(contents)))
    after = study.with_file(contents[what], name)
    if name.endswith(".raw") and what in ("is all zeros", "is random"):
        return Damaged(after, "no content", f"{name} {what}", Expected.UNKNOWABLE, NO_MAGIC)
    return Damaged(after, "no content", f"{name} {what}", Expected.REFUSED)


HARMS: tuple[Harm, ...] = (
    truncated,
    truncated,
    flipped,
    flipped,
    holed,
    shortened,
    sent_as_text,
    appended,
    misnamed,
    without_content,
)


def _place(study: Study, rng: np.random.Generator) -> tuple[str, Span]:
    """A file of the study and a part of it, each part as likely as the others."""
    name = str(rng.choice(sorted(study.spans)))
    spans = study.spans[name]
    return name, spans[int(rng.integers(len(spans)))]


def _marked(after: Study, kind: str, where: str, span: Span) -> Damaged:
    expected = Expected.UNKNOWABLE if span.unchecked else Expected.NEVER_WRONG
    return Damaged(after, kind, where, expected, span.unchecked)


def _is_alike(one: str, other: str) -> bool:
    """Whether two formats are of one family, so that a reader may see through the name."""
    return one.split()[0].replace("mhd", "mha") == other.split()[0].replace("mhd", "mha")
