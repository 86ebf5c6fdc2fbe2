"""How fast the mask disappears in noise: one file a schedule."""

from medsegdiff.component import import_parts
from medsegdiff.diffusion.schedules.schedule import Schedule

import_parts(__name__, list(__path__))

__all__ = ["Schedule"]
