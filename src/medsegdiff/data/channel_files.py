"""Files that hold one image channel each: X_0000, X_0001 ... are the channels of study X.

Source: the raw data format of nnU-Net, Isensee et al. 2021.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from medsegdiff.data.file_names import study_name
from medsegdiff.errors import DataError

CHANNEL = re.compile(r"(.+)_(\d{4})")


def channel_of(path: Path) -> tuple[str, int] | None:
    """The study and the channel number that a file's name tells; None for other names."""
    found = CHANNEL.fullmatch(study_name(path))
    return (found[1], int(found[2])) if found else None


def by_channels(files: Iterable[Path], channels: int = 1) -> dict[str, tuple[Path, ...]]:
    """Group files by study, in the order of their channels, sorted; other files are left out.

    Args:
        files: X_0000.nii.gz, X_0001.nii.gz ...
        channels: how many each study must have at least. A file that is missing gets the name that
            it should have, and is told when the study is read.

    Raises:
        DataError: two files are the same channel of one study.
    """
    found: dict[str, dict[int, Path]] = {}
    for path in files:
        named = channel_of(path)
        if named is None:
            continue
        study, channel = named
        taken = found.setdefault(study, {})
        if channel in taken:
            raise DataError(
                f"{taken[channel]} and {path.name} would both be channel {channel} of study "
                f"{study!r}. Remove one or rename it."
            )
        taken[channel] = path
    return {study: _complete(study, found[study], channels) for study in sorted(found)}


def is_complete(groups: Iterable[Sequence[Path]]) -> bool:
    """Whether there are studies, and all have the same number of channels and lack none."""
    counts = {len(files) if all(map(_exists, files)) else 0 for files in groups}
    return len(counts) == 1 and 0 not in counts


def _complete(study: str, channels: dict[int, Path], count: int) -> tuple[Path, ...]:
    """The files of all channels, those that are missing under the name that they should have."""
    some = next(iter(channels.values()))
    number = next(iter(channels))
    start, end = some.name[: len(study)], some.name[len(study) + len(f"_{number:04d}") :]
    wanted = range(max(count, max(channels) + 1))
    return tuple(channels.get(k, some.with_name(f"{start}_{k:04d}{end}")) for k in wanted)


def _exists(path: Path) -> bool:
    return path.exists()
