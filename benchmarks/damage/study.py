"""The files of one study in memory, what must be read from them, and of what parts they consist."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

import numpy as np

Entry = bytes | Path | None  # the content of a file, the target of a symbolic link, or a folder
Files = Mapping[str, Entry]


class Expected(Enum):
    """What a reader owes a file."""

    READ = "read rightly"
    REFUSED = "refused"
    NEVER_WRONG = "refused, or read rightly"
    UNKNOWABLE = "anything without a crash: nothing in the file could tell"


@dataclass(frozen=True)
class Truth:
    """What must be read.

    Args:
        image: shape (C, *S), float32.
        affine: index (d, h, w) to RAS+ mm, shape (4, 4); None where the format has none.
        is_mask: whether the same values must come out when it is read as a mask.
    """

    image: np.ndarray
    affine: np.ndarray | None = None
    is_mask: bool = True


@dataclass(frozen=True)
class Span:
    """A part of a file.

    Args:
        name: what it is, in words.
        start, stop: its bytes.
        unchecked: why damage to it cannot be found; empty where a checksum or a length covers it.
    """

    name: str
    start: int
    stop: int
    unchecked: str = ""


@dataclass(frozen=True)
class Study:
    """The files of one study in memory.

    Args:
        format: as tables call it, "nrrd (gzip)".
        files: by name below the study's own folder.
        opened: the name of what a reader is given; "" is the folder itself.
        truth: what must be read.
        spans: the parts of each file.
    """

    format: str
    files: Files
    opened: str
    truth: Truth
    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)

    def content(self, name: str | None = None) -> bytes:
        """The bytes of a file, by default of the opened one."""
        content = self.files[self.opened if name is None else name]
        assert isinstance(content, bytes)
        return content

    def with_file(self, content: Entry, name: str | None = None) -> Study:
        """The same study with other content in one file."""
        return replace(self, files={**self.files, self.opened if name is None else name: content})

    def write(self, folder: Path) -> Path:
        """Write the files into a folder of their own and return what is to be read."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, entry in self.files.items():
            path = folder / name
            if entry is None:
                path.mkdir(parents=True, exist_ok=True)
            elif isinstance(entry, Path):
                path.symlink_to(entry)
            else:
                path.write_bytes(entry)
        return folder / self.opened if self.opened else folder


NO_CHECKSUM = "uncompressed voxels have no checksum"
PLAIN_HEADER = "the header has no checksum"
ENTROPY = "JPEG has no checksum"


def single(kind: str, ending: str, content: bytes, truth: Truth, *spans: Span) -> Study:
    """A study of one file."""
    name = f"study{ending}"
    return Study(kind, {name: content}, name, truth, {name: spans})


@dataclass(frozen=True)
class Damaged:
    """A study after something befell it.

    Args:
        study: with its files as they are now.
        kind: of the damage, as tables call it.
        where: which bytes, fields or files.
        expected: what a reader owes it.
        reason: why nobody could find this damage, where that is so.
    """

    study: Study
    kind: str
    where: str
    expected: Expected
    reason: str = ""

    @property
    def line(self) -> str:
        """Format, kind and place in one line."""
        return f"{self.study.format}: {self.kind}: {self.where}"


@dataclass(frozen=True)
class Lie:
    """A header that says what is not so, with every checksum made right.

    Args:
        says: the field and what it says.
        tell: from the sound content of the opened file to the lying one.
        expected: what a reader owes it.
        reason: why nobody could find it, where that is so.
    """

    says: str
    tell: Callable[[bytes], bytes]
    expected: Expected = Expected.REFUSED
    reason: str = ""

    def told(self, study: Study) -> Damaged:
        """The study with this lie."""
        after = study.with_file(self.tell(study.content()))
        return Damaged(after, "lying header", self.says, self.expected, self.reason)


PLAUSIBLE = "the header contradicts nothing in the file"
