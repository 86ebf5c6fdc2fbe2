"""What the network predicts and how that is scored: one file an objective."""

from medsegdiff.component import import_parts
from medsegdiff.diffusion.objectives.objective import Objective

import_parts(__name__, list(__path__))

__all__ = ["Objective"]
