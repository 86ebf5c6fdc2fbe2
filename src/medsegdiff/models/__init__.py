"""Networks: one file a network."""

from medsegdiff.component import import_parts
from medsegdiff.models.network import Condition, DenoisingNetwork, Network, SegmentationNetwork

import_parts(__name__, list(__path__))

__all__ = ["Condition", "DenoisingNetwork", "Network", "SegmentationNetwork"]
