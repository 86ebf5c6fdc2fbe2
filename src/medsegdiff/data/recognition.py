"""Which layout a path has: every known layout is asked, and the most specific one is taken."""

from __future__ import annotations

from pathlib import Path

from medsegdiff.data.dataset import Dataset
from medsegdiff.data.datasets.folder import Folder
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.errors import ConfigError, DataError


def layouts() -> dict[str, type[FileDataset]]:
    """All layouts of files by name, those of plug-ins included."""
    return {
        name: member for name, member in Dataset.members.items() if issubclass(member, FileDataset)
    }


def recognised(path: Path, layout: str | None = None) -> type[FileDataset]:
    """Find the layout of a data set.

    Args:
        path: a folder, or a file that lists studies, or one image.
        layout: its name where it is known; None recognises it.

    Raises:
        DataError: there is nothing, or it looks like several layouts equally.
        ConfigError: there is no such layout.
    """
    if layout is not None:
        if layout not in layouts():
            known = ", ".join(sorted(layouts()))
            raise ConfigError(f"There is no layout {layout!r}. Choose one of: {known}.")
        return layouts()[layout]
    if not path.exists():
        raise DataError(f"There is no file or folder {path}. Check the path.")
    fitting = {name: one for name, one in layouts().items() if one.recognises(path)}
    best = max((one.specificity for one in fitting.values()), default=0)
    likely = {name: one for name, one in fitting.items() if one.specificity == best}
    if len(likely) > 1:
        raise DataError(
            f"{path} looks like {' and like '.join(sorted(likely))}. Say which with --layout."
        )
    return next(iter(likely.values()), Folder)  # it says what is missing
