"""What was too much once is not tried again."""

from __future__ import annotations

import pytest

from medsegdiff.engine.fitting import Fitting
from medsegdiff.errors import ResourceError


def test_everything_fits_until_something_does_not():
    fitting = Fitting()
    assert fitting.rows(25) == 25
    fitting.halve(25)
    assert [fitting.rows(wanted) for wanted in (25, 12, 3)] == [12, 12, 3]


def test_one_row_cannot_be_halved():
    with pytest.raises(ResourceError, match=r"too small for one image.*train\.side"):
        Fitting().halve(1)
