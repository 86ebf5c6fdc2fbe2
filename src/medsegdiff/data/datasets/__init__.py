"""Layouts of data on disk: one file a layout."""

from medsegdiff.component import import_parts

import_parts(__name__, list(__path__))
