"""What flags mean: budgets and folds."""

from __future__ import annotations

import pytest

from medsegdiff.cli.given import budget, fold_number
from medsegdiff.errors import ConfigError


def test_hours_are_minutes():
    assert budget(None, 1.5, None) == budget(90.0, None, None) == ["train.max_minutes=90.0"]


def test_minutes_and_hours_together_are_refused():
    with pytest.raises(ConfigError, match="not both"):
        budget(5, 1, None)


def test_a_fold_is_a_number_or_all():
    assert (fold_number("3"), fold_number("all")) == (3, "all")
    with pytest.raises(ConfigError, match="no fold 'first'"):
        fold_number("first")
