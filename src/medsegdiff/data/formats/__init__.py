"""File formats: one file a format."""

from medsegdiff.component import import_parts
from medsegdiff.data.formats.format import Format, Header, Scan, StoredMask

import_parts(__name__, list(__path__))

__all__ = ["Format", "Header", "Scan", "StoredMask"]
