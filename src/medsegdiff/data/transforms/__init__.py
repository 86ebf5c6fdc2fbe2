"""What is done to images and masks before the network sees them: one file a transform."""

from medsegdiff.component import import_parts

import_parts(__name__, list(__path__))
