"""The report: one HTML file of a prediction, an evaluation or a training, that opens anywhere.

OUT (summary.json)      -> scored.py    how good the masks are, worst study first
OUT (run_report.json)   -> unscored.py  what was drawn without a truth, most doubtful first
RUN                     -> trained.py   curves and validation of a training
all three               -> contents.py  what a page says -> page.py  as HTML
"""

from medsegdiff.engine.report.sources import Given
from medsegdiff.engine.report.write import write_report

__all__ = ["Given", "write_report"]
