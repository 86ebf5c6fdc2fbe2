"""From noise to a mask: one file a sampler."""

from medsegdiff.component import import_parts
from medsegdiff.diffusion.samplers.sampler import Denoiser, Sampler

import_parts(__name__, list(__path__))

__all__ = ["Denoiser", "Sampler"]
