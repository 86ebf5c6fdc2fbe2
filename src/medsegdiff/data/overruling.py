"""What a layout knows of its data set, and the user knows better."""

from __future__ import annotations

from pathlib import Path

from medsegdiff.data.declaration import Declaration, read_declaration


def overruled(known: Declaration, path: Path) -> Declaration:
    """What a layout declares, entry by entry replaced by those of a `dataset.json`.

    Args:
        known: what the layout says.
        path: the file, which need not be there.

    Raises:
        DataError: it is not JSON, or an entry is not what it must be.
    """
    given = read_declaration(path)
    return known.model_copy(update={name: getattr(given, name) for name in given.model_fields_set})
